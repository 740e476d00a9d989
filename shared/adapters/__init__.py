"""The doors to Azure: each module implements one port, or is a part of those that do.

*Secret*: what proves who we are (account key, SAS, token). *Signer*: puts it on a request. *Call*: one request of a storage
service, before it is signed. ``storage_http`` sends calls and knows retries, over connections that ``http_origin`` keeps; ``files_*`` and
``vault_blob`` know what to say.
Shares' administration and the journal go through Azure's SDK. ``translate`` turns refusals and SDK exceptions into
:mod:`shared.errors`; nothing else here names them.
"""
