"""What the kernel's numbers for protocols and socket states are called, wherever they are read."""

from __future__ import annotations

PROTOCOLS = (
    *("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp", "icmp6"),
    *("unix", "packet", "netlink"),
)
"""The socket tables, by their names under /proc/net."""

STATES = (
    *("0", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE"),
    *("CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV"),
)
"""sk_state, include/net/tcp_states.h."""

_NETLINK = (
    *("route", "unused", "usersock", "firewall", "sock_diag", "nflog", "xfrm", "selinux", "iscsi", "audit"),
    *("fib_lookup", "connector", "netfilter", "ip6_fw", "dnrtmsg", "kobject_uevent", "generic", "17"),
    *("scsitransport", "ecryptfs", "rdma", "crypto", "smc"),
)


def state_name(number: int, *, is_tcp: bool) -> str:
    """The state of a socket; without a connection and not TCP it is "UNCONN", as ss has it."""
    if number == 7 and not is_tcp:
        return "UNCONN"
    return STATES[number] if 0 <= number < len(STATES) else str(number)


def netlink_name(protocol: int) -> str:
    """The netlink protocol, include/uapi/linux/netlink.h."""
    return _NETLINK[protocol] if 0 <= protocol < len(_NETLINK) else str(protocol)
