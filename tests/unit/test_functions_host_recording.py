"""What a host writes down: whole lines, of bounded length, up to a limit."""

import json

from localdev.functions_host.recording import MAX_TEXT, Recorder


def lines(directory):
    (file,) = directory.glob("host-*.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_nothing_is_written_unless_there_is_a_place_for_it(tmp_path):
    recorder = Recorder(None)
    recorder.write("timer", name="t")
    recorder.close()
    assert not recorder.on


def test_lines_are_there_at_once(tmp_path):
    recorder = Recorder(tmp_path / "new")
    assert recorder.on
    recorder.write("activity", name="double", input="1")
    (line,) = lines(tmp_path / "new")
    assert (line["what"], line["name"], line["input"]) == ("activity", "double", "1")
    recorder.close()


def test_long_texts_are_cut_and_equal_ones_still_look_equal(tmp_path):
    recorder = Recorder(tmp_path)
    long = "x" * (MAX_TEXT + 1)
    for value in (long, long, long + "y"):
        recorder.write("activity", ended={"Result": [value]})
    recorder.close()
    first, same, other = (line["ended"]["Result"][0] for line in lines(tmp_path))
    assert len(first) < MAX_TEXT
    assert first == same != other
    assert f"({MAX_TEXT + 1} characters" in first


def test_a_full_file_says_so_and_stays_as_it_is(tmp_path):
    recorder = Recorder(tmp_path, max_bytes=1_000)
    for number in range(100):
        recorder.write("timer", name="t", number=number)
    assert not recorder.on
    written = lines(tmp_path)
    assert written[-1]["what"] == "full"
    assert [line["number"] for line in written[:-1]] == list(range(len(written) - 1))
