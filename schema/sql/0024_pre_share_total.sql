-- What the pages about many shares at once ask of each: how many restore points it has, what the newest holds, and what was ever written for
-- it. Looked up share by share in restore_point and added up over all months of usage_month that took 20 ms for a thousand shares with a year
-- of restore points, for each request, and more with every share and every month. Triggers keep it, so that it is right whichever release works.
--
-- No foreign key to share, as of usage_month: what was written is told after a share is gone, too. A row that has nothing to tell goes.
CREATE TABLE share_total (
    share_id     int CONSTRAINT share_total_pk PRIMARY KEY,
    tenant_id    text COLLATE "C" NOT NULL,
    points       int NOT NULL DEFAULT 0,
    files        bigint NOT NULL DEFAULT 0,   -- of the newest restore point
    bytes        bigint NOT NULL DEFAULT 0,
    vault_bytes  bigint NOT NULL DEFAULT 0    -- written since the beginning, deleted or not
) WITH (fillfactor = 50);   -- a row changes with each run

CREATE INDEX share_total_of_tenant ON share_total (tenant_id);

-- Of all shares, a month's rows only.
CREATE INDEX usage_month_of_month ON usage_month (month);

-- Two transactions that change the restore points of a share, such as a backup's closing and a prune, do not see each other's. So the row is
-- locked first, and what it says is counted by the statement after that, which sees what was committed meanwhile. Shares in order: nobody
-- waits for another crosswise.
CREATE FUNCTION total_points()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    shares int[];
BEGIN
    SELECT array_agg(DISTINCT share_id) INTO shares FROM changed;
    IF shares IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO share_total AS t (share_id, tenant_id)
         SELECT share_id, tenant_id FROM share WHERE share_id = ANY (shares) ORDER BY share_id
    ON CONFLICT ON CONSTRAINT share_total_pk DO UPDATE SET points = t.points;
    UPDATE share_total AS t
       SET points = (SELECT count(*) FROM restore_point AS p WHERE p.share_id = t.share_id),
           files = coalesce(newest.files, 0),
           bytes = coalesce(newest.bytes, 0)
      FROM share_total AS s
      LEFT JOIN LATERAL (
               SELECT p.files, p.bytes FROM restore_point AS p WHERE p.share_id = s.share_id ORDER BY p.run_no DESC LIMIT 1
           ) AS newest ON true
     WHERE s.share_id = ANY (shares) AND t.share_id = s.share_id;
    DELETE FROM share_total WHERE share_id = ANY (shares) AND points = 0 AND vault_bytes = 0;
    RETURN NULL;
END
$$;

CREATE TRIGGER restore_point_added AFTER INSERT ON restore_point
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION total_points();
CREATE TRIGGER restore_point_gone AFTER DELETE ON restore_point
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION total_points();

CREATE FUNCTION total_written()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    more bigint := CASE WHEN TG_OP = 'DELETE' THEN 0 ELSE NEW.vault_bytes END - CASE WHEN TG_OP = 'INSERT' THEN 0 ELSE OLD.vault_bytes END;
BEGIN
    IF more = 0 THEN
        RETURN NULL;
    ELSIF TG_OP = 'DELETE' THEN
        UPDATE share_total SET vault_bytes = vault_bytes + more WHERE share_id = OLD.share_id;
        DELETE FROM share_total WHERE share_id = OLD.share_id AND points = 0 AND vault_bytes = 0;
    ELSE
        INSERT INTO share_total AS t (share_id, tenant_id, vault_bytes) VALUES (NEW.share_id, NEW.tenant_id, more)
        ON CONFLICT ON CONSTRAINT share_total_pk DO UPDATE SET vault_bytes = t.vault_bytes + more;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER usage_month_total AFTER INSERT OR UPDATE OR DELETE ON usage_month
    FOR EACH ROW EXECUTE FUNCTION total_written();

-- The triggers above keep everybody from changing either table until this is committed.
INSERT INTO share_total AS t (share_id, tenant_id, points, files, bytes)
     SELECT s.share_id, s.tenant_id, n.points, newest.files, newest.bytes
       FROM share AS s
 CROSS JOIN LATERAL (SELECT count(*) AS points FROM restore_point AS p WHERE p.share_id = s.share_id) AS n
 CROSS JOIN LATERAL (
                SELECT p.files, p.bytes FROM restore_point AS p WHERE p.share_id = s.share_id ORDER BY p.run_no DESC LIMIT 1
            ) AS newest;
INSERT INTO share_total AS t (share_id, tenant_id, vault_bytes)
     SELECT share_id, min(tenant_id), sum(vault_bytes)::bigint FROM usage_month GROUP BY share_id HAVING sum(vault_bytes) > 0
ON CONFLICT ON CONSTRAINT share_total_pk DO UPDATE SET vault_bytes = excluded.vault_bytes;

SELECT protect_rows('share_total', 'tenant_id = ANY (chosen_tenants())', 'SELECT');
