import ca.uhn.fhir.interceptor.api.Hook;
import ca.uhn.fhir.interceptor.api.Interceptor;
import ca.uhn.fhir.interceptor.api.Pointcut;
import ca.uhn.fhir.interceptor.model.RequestPartitionId;
import ca.uhn.fhir.jpa.entity.PartitionEntity;
import ca.uhn.fhir.jpa.partition.IPartitionLookupSvc;
import ca.uhn.fhir.rest.api.server.RequestDetails;
import ca.uhn.fhir.rest.server.exceptions.ResourceNotFoundException;

/** Each member has a partition of its own, made when the member is first heard of. */
@Interceptor
public class Members {
  private final IPartitionLookupSvc partitions;

  public Members(IPartitionLookupSvc partitions) {
    this.partitions = partitions;
  }

  @Hook(Pointcut.STORAGE_PARTITION_IDENTIFY_ANY)
  public RequestPartitionId partition(RequestDetails request) {
    String member = request.getTenantId();
    return member == null || member.equals("DEFAULT") ? RequestPartitionId.defaultPartition() : known(member);
  }

  private synchronized RequestPartitionId known(String member) {
    try {
      return RequestPartitionId.fromPartitionIdAndName(partitions.getPartitionByName(member).getId(), member);
    } catch (ResourceNotFoundException unheardOf) {
      var made = new PartitionEntity().setId(partitions.generateRandomUnusedPartitionId()).setName(member);
      return RequestPartitionId.fromPartitionIdAndName(partitions.createPartition(made, null).getId(), member);
    }
  }
}
