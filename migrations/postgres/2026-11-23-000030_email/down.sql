DROP TABLE reset_requests;
DROP TABLE outgoing_mail;
DROP TABLE emails;
