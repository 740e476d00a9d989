"""Ways to break a valid request, one thing at a time."""

from dataclasses import replace
from xml.etree import ElementTree

from hypothesis import strategies as st

from tests.support.files_emulator_requests import Valid, valid

#: Every request header that starts with x-ms- in the interface, and the standard ones that mean something to it.
HEADERS = """
x-ms-type x-ms-content-length x-ms-range Range x-ms-write x-ms-version x-ms-client-request-id x-ms-file-request-intent
x-ms-allow-trailing-dot x-ms-source-allow-trailing-dot x-ms-recursive x-ms-handle-id x-ms-file-extended-info
x-ms-file-attributes x-ms-file-creation-time x-ms-file-last-write-time x-ms-file-change-time x-ms-file-permission
x-ms-file-permission-key x-ms-file-permission-format x-ms-file-property-semantics x-ms-file-permission-copy-mode
x-ms-file-copy-ignore-readonly x-ms-file-copy-set-archive x-ms-file-mode-copy-mode x-ms-file-owner-copy-mode
x-ms-mode x-ms-owner x-ms-group x-ms-file-file-type x-ms-link-text x-ms-file-target-file
x-ms-meta x-ms-meta- x-ms-meta-a x-ms-meta-1 x-ms-meta-b-c x-ms-meta-A
x-ms-content-type x-ms-content-encoding x-ms-content-language x-ms-cache-control x-ms-content-md5
x-ms-content-disposition Content-MD5 Content-Type x-ms-structured-body x-ms-structured-content-length
x-ms-file-rename-source x-ms-file-rename-replace-if-exists x-ms-file-rename-ignore-readonly
x-ms-source-lease-id x-ms-destination-lease-id x-ms-lease-id x-ms-lease-action x-ms-lease-duration
x-ms-proposed-lease-id x-ms-lease-break-period
x-ms-copy-source x-ms-source-range x-ms-copy-action x-ms-copy-source-authorization x-ms-source-content-crc64
x-ms-source-if-match-crc64 x-ms-source-if-none-match-crc64 x-ms-range-get-content-md5 x-ms-file-support-rename
x-ms-share-quota x-ms-access-tier x-ms-enabled-protocols x-ms-root-squash x-ms-delete-snapshots
x-ms-enable-snapshot-virtual-directory-access x-ms-enable-smb-directory-lease x-ms-share-provisioned-iops
x-ms-share-provisioned-bandwidth-mibps x-ms-share-paid-bursting-enabled x-ms-share-paid-bursting-max-iops
x-ms-share-paid-bursting-max-bandwidth-mibps x-ms-deleted-share-name x-ms-deleted-share-version
If-Match If-None-Match If-Modified-Since Date x-ms-date Expect Accept
""".split()  # noqa: SIM905 - so many would fill a page
PARAMETERS = """
sharesnapshot prevsharesnapshot marker maxresults include prefix timeout copyid restype comp snapshot delimiter x
""".split()  # noqa: SIM905

_SPECIAL = [
    "", "0", "1", "-1", "+5", "5.0", "1e3", "0x10", "\uff19", "99999999999999999999", "4398046511105", "true", "maybe",
    "none", "now", "preserve", "source", "inherit", "include", "update", "clear", "file", "ReadOnly", "Archive|x", "|",
    "Directory", "bytes=0-1", "bytes=-1", "bytes=5-", "bytes=5-2", "bytes=0-99999999999999999999", "bytes=a-b",
    "bytes=0-1,3-4", "bytes=9223372036854775807-9223372036854775808", "items=0-1", "bytes=0-4194304", "bytes=7-9",
    "2020-01-01T00:00:00.0000000Z", "2020-02-30T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "1500-01-01T00:00:00Z",
    "O:SYG:SYD:(A;;FA;;;SY)", "O:SYG:SYD:(", "D:" + "(A;;FA;;;SY)" * 600, "1*1", "18446744073709551616*1", "AQAEgA==",
    "SMB", "NFS", "NFS;SMB", "Hot", "Premium", "acquire", "break", "renew", "sddl", "binary", "Restore", "*",
    "c3a1bd0f-5d0a-4d0e-8a3c-2f5b0a7d1e12", "{c3a1bd0f}", "2026-99-99", "2019-02-02", "2026-02-06",
    "http://127.0.0.1/devstoreaccount1", "http://127.0.0.1/devstoreaccount1/share/dir", "http://[", "http://127.0.0.1:x/a",
    "http://127.0.0.1/devstoreaccount1/share/%FF", "http://127.0.0.1/devstoreaccount1/share/dir/../other", "//", "http:",
    "http://127.0.0.1/devstoreaccount1/share/none/x", "http://127.0.0.1/devstoreaccount1/share/dir/file?sharesnapshot=x",
    "http://127.0.0.1/devstoreaccount1/share/dir/file?sig=x", "http://127.0.0.1/devstoreaccount1/share/dir/leased",
    "1!8!ZmlsZWEz", "1!4!/w==", "2!0!", "1!-1!", "timestamps,none", "timestamps,,", "AAAAAAAAAAAAAAAAAAAAAA==", "AAA", "=",
    "x" * 8192, "é" * 4096, "\x01", "\x7f", "a\tb", "\ufffe", "\u2028", "\U0001f600", "%00", "&<>\"'", "0777", "07778", "S-1-5-18",
]  # fmt: skip
#: What can be sent in a header: no line ends, no NUL.
VALUES = st.one_of(
    st.sampled_from(_SPECIAL),
    st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=("Cs",)), max_size=12),
    st.integers(-(2**70), 2**70).map(str),
)

_COMPONENTS = [
    "..", ".", "%2E%2E", "%2e", "", "%00", "a%00b", "%01", "%0a", "%1F", "%7F", "%2F", "a%2F..%2Fb", "%2F%2F", "%FF",
    "%C0%AF", "%ED%A0%80", "%F4%90%80%80", "%", "%zz", "%2", "a" * 256, "/".join("a" * 251), "a" * 5000,
    "/".join(["a" * 200] * 11), "%EF%BF%BE", "%EF%BF%BF", "%EE%80%80", "%C2%81", "é", "con", "LPT1", "a%5Cb", "a:b", "*",
    "a|b", "%3C", "%22", "%3F", "a%20", "%20", "+", "a.", "...", "a...", "dir/file/x", "dir", "dir/", "file", "none/x",
    "\U0001f600" * 128,
]  # fmt: skip
PATHS = st.one_of(
    st.sampled_from(_COMPONENTS),
    st.lists(st.sampled_from([c for c in _COMPONENTS if len(c) < 40]), min_size=2, max_size=4).map("/".join),
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#"), min_size=1, max_size=12),
)

_DOCTYPE = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
#: Bodies that no operation can make anything of.
BODIES = [
    b"", b"<", b"<a/>", b"<a>" * 3000, b"<a>" * 3000 + b"</a>" * 3000, b"\xff\xfe", b"\0" * 50, b"x" * 70_000,
    b"{}", b"[]", b"null", b'"x"', b"[" * 50_000, b'{"permission": 1}', b'{"permission": "O:"}', b'{"permission": "\\ud800"}',
    b'{"permission": "O:SYG:SYD:(A;;FA;;;SY)", "format": 3}', b'{"permission": "O:SYG:SYD:(A;;FA;;;SY)", "format": "x"}',
    b'{"permission": "////", "format": "binary"}', b'{"permission":NaN}', b"<a xmlns='x' xmlns:y='z' y:b='c'/>", b"&amp;",
    b"<?xml version='1.1'?><a/>", b"<?xml version='1.0' encoding='utf-7'?><a/>", b"<?xml version='1.0' encoding='rot13'?><a/>",
    b"x" * (4 * 1024 * 1024 + 1),
]  # fmt: skip


@st.composite
def broken(draw) -> Valid:
    """A valid request with one thing broken; sometimes what comes out is valid still."""
    request = draw(st.sampled_from(valid()))
    ways = [header_value, header_added, query_value, path_replaced, method_replaced]
    ways += [header_value, header_value, header_dropped] if request.headers else []
    ways += [query_dropped] if request.query else []
    ways += [body_replaced, body_edited, body_edited, body_edited] if request.body else [body_replaced]
    return draw(draw(st.sampled_from(ways))(request))


@st.composite
def header_value(draw, request):
    """One header that it has, or that anything could have, says something else."""
    if not request.headers:
        return draw(header_added(request))
    name = draw(st.sampled_from([name for name, _ in request.headers]))
    value = draw(VALUES)
    return replace(request, headers=tuple((n, value if n == name else v) for n, v in request.headers))


@st.composite
def header_added(draw, request):
    """One more header, or one of its own once more."""
    return replace(request, headers=(*request.headers, (draw(st.sampled_from(HEADERS)), draw(VALUES))))


@st.composite
def header_dropped(draw, request):
    """One header is missing."""
    gone = draw(st.integers(0, len(request.headers) - 1))
    return replace(request, headers=request.headers[:gone] + request.headers[gone + 1 :])


@st.composite
def query_value(draw, request):
    """One parameter says something else, or is there once more, or should not be there."""
    own = [name for name, _ in request.query if name not in ("restype", "comp")]
    name, value = draw(st.sampled_from([*own * 3, *PARAMETERS])), draw(VALUES)
    if name in own and draw(st.booleans()):
        return replace(request, query=tuple((n, value if n == name else v) for n, v in request.query))
    return replace(request, query=(*request.query, (name, value)))


@st.composite
def query_dropped(draw, request):
    """One parameter is missing."""
    gone = draw(st.integers(0, len(request.query) - 1))
    return replace(request, query=request.query[:gone] + request.query[gone + 1 :])


@st.composite
def path_replaced(draw, request):
    """It asks for something else: another path in the share, in its directory, below itself, or another share."""
    path = draw(PATHS)
    where = draw(st.sampled_from(["@", "share/@", "share/dir/@", f"{request.path}/@", "none/@", "SHARE/@"]))
    return replace(request, path=where.replace("@", path))


@st.composite
def method_replaced(draw, request):
    """The same with another verb."""
    return replace(request, method=draw(st.sampled_from(["GET", "HEAD", "PUT", "DELETE", "POST", "OPTIONS", "PATCH"])))


@st.composite
def body_replaced(draw, request):
    """Another body, or one where none belongs."""
    return replace(request, body=draw(st.one_of(st.sampled_from(BODIES), st.binary(max_size=60))))


@st.composite
def body_edited(draw, request):
    """Its body cut short, with bytes changed, in another encoding, or with one element changed."""
    body = request.body
    how = draw(st.sampled_from(["cut", "byte", "encoding", "doctype", "element", "element", "element"]))
    if how == "cut":
        return replace(request, body=body[: draw(st.integers(0, len(body) - 1))])
    if how == "byte":
        at = draw(st.integers(0, len(body) - 1))
        return replace(request, body=body[:at] + draw(st.binary(max_size=2)) + body[at + 1 :])
    text = body.decode()
    if how == "encoding":
        name = draw(st.sampled_from(["utf-16", "utf-16-le", "utf-32", "utf-7", "cp037", "utf-8-sig"]))
        head = draw(st.sampled_from(["", f'<?xml version="1.0" encoding="{name}"?>']))
        return replace(request, body=(head + text).encode(name))
    if how == "doctype" or not text.startswith("<"):
        name = draw(st.sampled_from(["utf-8", "utf-16"]))
        return replace(request, body=(_DOCTYPE + text.replace("true", "&c;")).encode(name))
    return replace(request, body=_element_changed(draw, text))


def _element_changed(draw, text):
    root = ElementTree.fromstring(text)
    parents = [(parent, index) for parent in root.iter() for index in range(len(parent))]
    parent, index = draw(st.sampled_from(parents))
    child = parent[index]
    how = draw(st.sampled_from(["text", "tag", "twice", "often", "gone", "below", "attribute"]))
    if how == "text":
        child.text = draw(
            st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=300) | VALUES.filter(_is_xml)
        )
    elif how == "tag":
        child.tag = draw(st.sampled_from(["x", "Enabled", "Id", "é", "a-b", child.tag.lower(), "ns:" + child.tag]))
    elif how == "twice":
        parent.append(child)
    elif how == "often":
        parent.extend([child] * 70)
    elif how == "gone":
        parent.remove(child)
    elif how == "below":
        ElementTree.SubElement(child, draw(st.sampled_from(["x", child.tag]))).text = "x"
    else:
        child.set("a", "b")
    return ElementTree.tostring(root)


def _is_xml(text):
    return all(c >= " " and c not in "\ufffe\uffff" for c in text)
