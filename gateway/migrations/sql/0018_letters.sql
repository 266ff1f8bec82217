-- A page that is linked while another of the client's at that portal has an administrator has none itself: its holder is a member, no more.
alter table care_page alter column administrator_id drop not null;
