"""What a connection test says is missing: by what the service said, else by what was tried; never nothing."""

import pytest

from shared.core.connection_advice import NEEDED_FOR, Step, advise
from shared.errors import BackupError, Denied, InvalidInput, NoAccess, NoRight, ShareGone, Unavailable


@pytest.mark.parametrize(
    ("step", "error", "said"),
    [
        (Step.SHARE, ShareGone("read share: 404 ShareNotFound", "ShareNotFound"), "create the share"),
        (Step.SHARE, ShareGone("gone"), "create the share"),
        (Step.SHARE, NoAccess("403 AuthorizationFailure", "AuthorizationFailure"), "network rule"),
        (Step.LIST, NoAccess("x", "AuthorizationSourceIPMismatch"), "network rule"),
        (Step.SHARE, NoAccess("x", "AuthenticationFailed"), "put the new one"),
        (Step.SHARE, Unavailable("no answer: ClientConnectorDNSError"), "DNS record"),
        (Step.LIST, NoRight("x", "AuthorizationPermissionMismatch"), "Storage File Data Privileged Reader"),
        (Step.SNAPSHOT, NoRight("x", "AuthorizationPermissionMismatch"), "infra/bicep/source.bicep"),
        (Step.VAULT, NoRight("x", "AuthorizationPermissionMismatch"), "Storage Blob Data Contributor"),
        (Step.SNAPSHOT, Denied("x", "ShareSnapshotCountExceeded"), "200 share snapshots"),
        (Step.CREDENTIAL, InvalidInput("credential 'x' is not known here"), "setting"),
        (Step.SHARE, NoAccess("x", "KeyBasedAuthenticationNotPermitted"), "leave the credential empty"),
    ],
)
def test_the_hint_names_what_is_missing(step, error, said):
    assert said in advise(step, error)


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("error", [BackupError("?"), NoAccess("?"), NoRight("?"), Unavailable("?"), Denied("?", "Odd")])
def test_there_always_is_a_hint(step, error):
    assert advise(step, error)


def test_a_step_needs_only_what_comes_before_it():
    order = list(Step)
    for step, needed in NEEDED_FOR.items():
        assert all(order.index(one) < order.index(step) for one in needed)
