"""Section 5.5 of the reference: the way of a file, its limits, and URLs that are good for a minute."""

import pytest

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(100)


def url_for(connector, size="108", kind="PNG", **options):
    return connector.send("ms.GenerateURLForUploadFile", {"fileSize": size, "fileType": kind}, **options)


def stored(connector, content=PICTURE):
    made = url_for(connector).json()["body"]
    assert (
        connector.http.put(made["relativePath"], params=made["queryParams"], content=content).status_code
        == 201
    )
    return made["relativePath"]


def file_event(path, **members):
    message = {"caption": "my card", "relativePath": path, "fileType": "PNG"} | members
    return {"type": "ContentEvent", "contentType": "hosted/file", "message": message}


def test_a_file_goes_up_is_published_and_comes_down(connector):
    conversation_id = connector.open()
    path = stored(connector)

    published = connector.publish(conversation_id, file_event(path))
    made = connector.send("ms.GenerateURLForDownloadFile", {"relativePath": path}).json()["body"]
    down = connector.http.get(made["relativePath"], params=made["queryParams"])

    assert published.json()["body"] == {"sequence": 0}
    assert (down.status_code, down.content) == (200, PICTURE)
    assert down.headers["content-type"] == "image/png"
    assert down.headers["x-content-type-options"] == "nosniff"


def test_the_schema_files_spelling_of_the_content_type_is_taken(connector):
    event = file_event(stored(connector)) | {"contentType": "HostedFile"}

    assert connector.publish(connector.open(), event).status_code == 200


@pytest.mark.parametrize("kind", ["JPG", "JPEG", "PNG", "GIF", "png"])
def test_the_documented_types_are_taken(connector, kind):
    assert url_for(connector, kind=kind).status_code == 200


@pytest.mark.parametrize(
    ("size", "kind", "msg"),
    [
        ("1", "PDF", "fileType must be one of 'JPG', 'JPEG', 'PNG', 'GIF'; got 'PDF'."),
        ("3145729", "PNG", "fileSize must be at most 3145728 bytes (3 MB)."),
        ("big", "PNG", "fileSize must be the number of bytes, such as '48213'."),
        (None, "PNG", "fileSize must be the number of bytes, such as '48213'."),
    ],
)
def test_what_cannot_be_a_file_gets_no_url(connector, size, kind, msg):
    reply = url_for(connector, size, kind)

    assert (reply.status_code, reply.json()["body"]["msg"]) == (400, msg)


def test_a_size_may_be_a_number(connector):
    assert url_for(connector, 108).status_code == 200


def test_a_wrong_signature_is_401_and_nothing_is_stored(connector):
    made = url_for(connector).json()["body"]

    wrong = connector.http.put(
        made["relativePath"], params=made["queryParams"] | {"temp_url_sig": "0" * 64}, content=PICTURE
    )
    missing = connector.http.put(made["relativePath"], content=PICTURE)

    assert (wrong.status_code, missing.status_code) == (401, 401)
    reply = connector.publish(connector.open(), file_event(made["relativePath"]))
    assert reply.status_code == 400


def test_an_upload_url_does_not_read_and_a_later_time_cannot_be_written_into_it(connector):
    made = url_for(connector).json()["body"]
    later = str(int(made["queryParams"]["temp_url_expires"]) + 1)

    assert connector.http.get(made["relativePath"], params=made["queryParams"]).status_code == 401
    forged = made["queryParams"] | {"temp_url_expires": later}
    assert connector.http.put(made["relativePath"], params=forged, content=PICTURE).status_code == 401


def test_a_url_is_good_for_a_minute(connect):
    connector = connect(clock=lambda: 1700000000.0)
    made = url_for(connector).json()["body"]
    assert made["queryParams"]["temp_url_expires"] == "1700000060"

    connector.sandbox.advance(59)
    assert (
        connector.http.put(made["relativePath"], params=made["queryParams"], content=b"1").status_code == 201
    )
    connector.sandbox.advance(1)
    late = connector.http.put(made["relativePath"], params=made["queryParams"], content=b"2")

    assert late.status_code == 401
    assert late.json() == {"error": "The URL was good for 60 seconds. Ask for another with SEND."}


def test_3_mb_go_in_and_one_byte_more_does_not(connector):
    made = url_for(connector, "3145728").json()["body"]
    codes = [
        connector.http.put(made["relativePath"], params=made["queryParams"], content=bytes(size)).status_code
        for size in (3145728, 3145729, 5_000_000)
    ]

    assert codes == [201, 413, 413]


@pytest.mark.parametrize(
    ("members", "msg"),
    [
        ({"relativePath": None}, "event.message.relativePath must be a string."),
        ({"fileType": 5}, "event.message.fileType must be a string."),
        ({"caption": 5}, "event.message.caption must be a string."),
        ({"preview": "x"}, "event.message.preview must look like 'data:image/png;base64,...'."),
        (
            {"preview": "data:image/png;base64," + "A" * 30 * 1024},
            "event.message.preview must be smaller than 30 KB.",
        ),
        (
            {"relativePath": "/elsewhere"},
            "event.message.relativePath names no stored file. Ask for it with ms.GenerateURLForUploadFile "
            "and PUT the bytes first.",
        ),
    ],
)
def test_a_refused_file_publish_is_400(connector, members, msg):
    reply = connector.publish(connector.open(), file_event(stored(connector), **members))

    assert (reply.status_code, reply.json()["body"]["msg"]) == (400, msg)


def test_a_preview_does_not_count_towards_the_5000_characters_unless_the_rule_says_so(connector, connect):
    preview = {"preview": "data:image/png;base64," + "A" * 20_000}

    free = connector.publish(connector.open(), file_event(stored(connector), **preview))
    strict = connect(preview_counts=True)
    counted = strict.publish(strict.open(), file_event(stored(strict), **preview))

    assert free.status_code == 200
    assert (counted.status_code, counted.json()["body"]) == (400, {"msg": "Bad Request"})


def test_files_can_be_left_unchecked(connect):
    connector = connect(check_files=False)

    assert connector.publish(connector.open(), file_event("/anywhere")).status_code == 200


def test_a_download_url_needs_a_stored_file(connector):
    unknown = connector.send("ms.GenerateURLForDownloadFile", {"relativePath": "/x"})
    empty = connector.send(
        "ms.GenerateURLForDownloadFile", {"relativePath": url_for(connector).json()["body"]["relativePath"]}
    )

    for reply in (unknown, empty):
        assert (reply.status_code, reply.json()["body"]) == (
            400,
            {"msg": "relativePath names no stored file."},
        )


def download_url(connector, path, who):
    return connector.send("ms.GenerateURLForDownloadFile", {"relativePath": path}, who=who)


def published(connector, conversation_id, path, **options):
    connector.sandbox._state.publish(
        conversation_id, conversation_id, file_event(path), **{"originator_id": "agent"} | options
    )


def test_another_consumers_file_is_opened_only_once_an_agent_published_it_to_this_one(connector):
    conversation_id = connector.open("berta")
    path = stored(connector)
    refused = download_url(connector, path, "berta")
    published(connector, conversation_id, path, role="ASSIGNED_AGENT", audience="AGENTS_AND_MANAGERS")
    noted = download_url(connector, path, "berta")
    published(connector, conversation_id, path, role="ASSIGNED_AGENT")

    assert (refused.status_code, refused.json()["body"]["msg"]) == (
        400,
        "relativePath names a file of another consumer, and nobody published it to this one. "
        "(The sandbox's own strictness: files_of_others=False.)",
    )
    assert noted.status_code == 400
    assert download_url(connector, path, "berta").status_code == 200
    assert download_url(connector, path, "carla").status_code == 400
    assert download_url(connector, path, "anna").status_code == 200


def test_who_names_another_consumers_file_may_not_open_it_for_that(connector):
    conversation_id = connector.open("berta")
    path = stored(connector)
    published(connector, conversation_id, path, role="CONSUMER")

    assert download_url(connector, path, "berta").status_code == 400


def test_a_rule_opens_every_file_of_the_account_to_everybody(connect):
    connector = connect(files_of_others=True)

    assert download_url(connector, stored(connector), "berta").status_code == 200


def test_a_seed_makes_the_signatures_of_urls_repeatable(connect):
    made = url_for(connect(seed="a", clock=lambda: 1700000000.0)).json()["body"]

    assert made["queryParams"] == {
        "temp_url_sig": "04d17c11ed3c8febded9acfde653418a22b1a8189d4b01eccb88e617a125ee92",
        "temp_url_expires": "1700000060",
    }
