"""Who a SID or a short name of SDDL means, where that is the same everywhere ([MS-DTYP] 2.4.2.4, 2.5.1.1).

An account of a domain or a machine is not named: only its directory could say. What is told of it are the groups that every domain has,
by the last number of their SIDs, and the object of Microsoft Entra ID that a SID of that service stands for.
"""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody in a security descriptor."""

    sid: str
    """In full; empty of a short name that stands for a SID of one domain."""
    name: str
    """As people call them; empty if only a directory could say."""

    @property
    def shown(self) -> str:
        """Name, or else SID."""
        return self.name or self.sid


_SHORT: Final = {
    "AA": ("S-1-5-32-579", "Access Control Assistance Operators"),
    "AC": ("S-1-15-2-1", "All app packages"),
    "AN": ("S-1-5-7", "Anonymous"),
    "AO": ("S-1-5-32-548", "Account Operators"),
    "AP": ("", "Protected Users of the domain"),
    "AS": ("S-1-18-1", "Authentication authority asserted identity"),
    "AU": ("S-1-5-11", "Authenticated Users"),
    "BA": ("S-1-5-32-544", "Administrators"),
    "BG": ("S-1-5-32-546", "Guests"),
    "BO": ("S-1-5-32-551", "Backup Operators"),
    "BU": ("S-1-5-32-545", "Users"),
    "CA": ("", "Certificate Publishers of the domain"),
    "CD": ("S-1-5-32-574", "Certificate Service DCOM Access"),
    "CG": ("S-1-3-1", "Creator Group"),
    "CN": ("", "Cloneable Domain Controllers"),
    "CO": ("S-1-3-0", "Creator Owner"),
    "CY": ("S-1-5-32-569", "Cryptographic Operators"),
    "DA": ("", "Domain Admins"),
    "DC": ("", "Domain Computers"),
    "DD": ("", "Domain Controllers"),
    "DG": ("", "Domain Guests"),
    "DU": ("", "Domain Users"),
    "EA": ("", "Enterprise Admins"),
    "ED": ("S-1-5-9", "Enterprise Domain Controllers"),
    "EK": ("", "Enterprise Key Admins"),
    "ER": ("S-1-5-32-573", "Event Log Readers"),
    "ES": ("S-1-5-32-576", "RDS Endpoint Servers"),
    "HA": ("S-1-5-32-578", "Hyper-V Administrators"),
    "HI": ("S-1-16-12288", "High integrity"),
    "HO": ("S-1-5-32-583", "User-mode hardware operators"),
    "IS": ("S-1-5-32-568", "Internet Information Services users"),
    "IU": ("S-1-5-4", "Interactive users"),
    "KA": ("", "Key Admins of the domain"),
    "LA": ("", "Administrator of the machine"),
    "LG": ("", "Guest of the machine"),
    "LS": ("S-1-5-19", "Local Service"),
    "LU": ("S-1-5-32-559", "Performance Log Users"),
    "LW": ("S-1-16-4096", "Low integrity"),
    "ME": ("S-1-16-8192", "Medium integrity"),
    "MP": ("S-1-16-8448", "Medium plus integrity"),
    "MS": ("S-1-5-32-577", "RDS Management Servers"),
    "MU": ("S-1-5-32-558", "Performance Monitor Users"),
    "NO": ("S-1-5-32-556", "Network Configuration Operators"),
    "NS": ("S-1-5-20", "Network Service"),
    "NU": ("S-1-5-2", "Network users"),
    "OW": ("S-1-3-4", "Owner Rights"),
    "PA": ("", "Group Policy Creator Owners"),
    "PO": ("S-1-5-32-550", "Printer Operators"),
    "PS": ("S-1-5-10", "Self"),
    "PU": ("S-1-5-32-547", "Power Users"),
    "RA": ("S-1-5-32-575", "RDS Remote Access Servers"),
    "RC": ("S-1-5-12", "Restricted code"),
    "RD": ("S-1-5-32-555", "Remote Desktop Users"),
    "RE": ("S-1-5-32-552", "Replicators"),
    "RM": ("S-1-5-32-580", "Remote Management Users"),
    "RO": ("", "Enterprise Read-only Domain Controllers"),
    "RS": ("", "RAS and IAS Servers"),
    "RU": ("S-1-5-32-554", "Pre-Windows 2000 Compatible Access"),
    "SA": ("", "Schema Admins"),
    "SI": ("S-1-16-16384", "System integrity"),
    "SO": ("S-1-5-32-549", "Server Operators"),
    "SS": ("S-1-18-2", "Service asserted identity"),
    "SU": ("S-1-5-6", "Services"),
    "SY": ("S-1-5-18", "Local System"),
    "UD": ("S-1-5-84-0-0-0-0-0", "User-mode drivers"),
    "WD": ("S-1-1-0", "Everyone"),
    "WR": ("S-1-5-33", "Write Restricted code"),
}
_NAMES: Final = {sid: name for sid, name in _SHORT.values() if sid} | {
    "S-1-0-0": "Nobody",
    "S-1-2-0": "Local users",
    "S-1-2-1": "Console users",
    "S-1-5-1": "Dial-up users",
    "S-1-5-3": "Batch jobs",
    "S-1-5-8": "Proxy",
    "S-1-5-13": "Terminal Server users",
    "S-1-5-14": "Remote interactive users",
    "S-1-5-15": "This organisation",
    "S-1-5-17": "IUSR",
    "S-1-5-113": "Local accounts",
    "S-1-5-114": "Local accounts that are administrators",
    "S-1-5-1000": "Other organisation",
    "S-1-16-0": "Untrusted integrity",
}
_IN_DOMAINS: Final = {
    498: "Enterprise Read-only Domain Controllers",
    500: "Administrator",
    501: "Guest",
    502: "krbtgt",
    512: "Domain Admins",
    513: "Domain Users",
    514: "Domain Guests",
    515: "Domain Computers",
    516: "Domain Controllers",
    517: "Certificate Publishers",
    518: "Schema Admins",
    519: "Enterprise Admins",
    520: "Group Policy Creator Owners",
    521: "Read-only Domain Controllers",
    522: "Cloneable Domain Controllers",
    525: "Protected Users",
    526: "Key Admins",
    527: "Enterprise Key Admins",
    553: "RAS and IAS Servers",
    571: "Allowed RODC Password Replication Group",
    572: "Denied RODC Password Replication Group",
}
_SID: Final = re.compile(r"S-1-(?:\d{1,15}|0x[0-9A-Fa-f]{1,12})(?:-\d{1,10}){1,15}", re.ASCII)
_DOMAIN: Final = re.compile(r"S-1-5-21-\d+-\d+-\d+-(\d+)", re.ASCII)
_ENTRA: Final = re.compile(r"S-1-12-1-(\d+)-(\d+)-(\d+)-(\d+)", re.ASCII)
_UNIX: Final = re.compile(r"S-1-22-([12])-(\d+)", re.ASCII)


def who_is(text: str) -> Who:
    """What SDDL says in the place of an account: a SID, or two letters. What is neither is called what it is called."""
    if text in _SHORT:
        return Who(*_SHORT[text])
    if _SID.fullmatch(text) is None:
        return Who("", text)
    return Who(text, _name(text))


def _name(sid: str) -> str:
    if sid in _NAMES:
        return _NAMES[sid]
    if (domain := _DOMAIN.fullmatch(sid)) is not None:
        return _IN_DOMAINS.get(int(domain[1]), "")
    if (unix := _UNIX.fullmatch(sid)) is not None:
        return f"Unix {'user' if unix[1] == '1' else 'group'} {unix[2]}"
    entra = _ENTRA.fullmatch(sid)
    if entra is None or any(int(part) >= 1 << 32 for part in entra.groups()):
        return ""
    return f"Entra ID object {UUID(bytes_le=b''.join(int(part).to_bytes(4, 'little') for part in entra.groups()))}"
