"""The services by themselves: Postgres and Azurite start, serve, and survive being killed."""

import uuid

import psycopg
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient


def test_each_test_gets_an_empty_database(empty_postgres_url):
    with psycopg.connect(empty_postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_class WHERE relname = 'mine'").fetchone() == (0,)
        connection.execute("CREATE TABLE mine (id int)")


def test_and_the_next_test_does_not_see_what_it_left(empty_postgres_url):
    test_each_test_gets_an_empty_database(empty_postgres_url)


def test_names_sort_by_code_point_and_letters_beyond_ascii_have_cases(empty_postgres_url):
    with psycopg.connect(empty_postgres_url) as connection:
        assert connection.execute("SELECT 'Z' < 'a', 'z' < 'ä', lower('Ä')").fetchone() == (True, True, "ä")


def test_azurite_serves_blobs_and_tables(azurite):
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        container = blobs.create_container(f"c{uuid.uuid4().hex}")
        container.upload_blob("a/b", b"content")
        assert container.download_blob("a/b").readall() == b"content"
    with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        table = tables.create_table(f"t{uuid.uuid4().hex}")
        table.upsert_entity({"PartitionKey": "p", "RowKey": "r", "n": 1})
        assert table.get_entity("p", "r")["n"] == 1
