-- Hard links of a restore to an NFS share: the first name of a file that a worker comes to is written as a file, the others are made
-- links to it when everything is written. Rows go when the run ends.

CREATE TABLE restore_link (
    run_id      bigint NOT NULL,
    node_id     bigint NOT NULL,
    file_id     bigint NOT NULL,
    changed     bigint NOT NULL,  -- with file_id: the file in one state. In a restore point that is all its names
    path        text COLLATE "C" NOT NULL,
    properties  jsonb NOT NULL,
    is_first    boolean NOT NULL,
    written     boolean NOT NULL DEFAULT false,
    CONSTRAINT restore_link_pk PRIMARY KEY (run_id, node_id)
);

CREATE UNIQUE INDEX restore_link_first ON restore_link (run_id, file_id, changed) WHERE is_first;
