-- A page that is linked while another of the client's at that portal has an administrator has none itself: its holder is a member, no more.
alter table care_page alter column administrator_id drop not null;

-- A try that came while the door was closed: one is kept, and told in the trail, for each account or portal and window.
alter table link_attempt add column refused boolean not null default false;
