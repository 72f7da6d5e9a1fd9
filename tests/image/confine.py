"""Starts a program as a container engine would: another root, read-only but for its volumes, a user
that is nobody on this machine, no capability and no way to gain one."""

import ctypes
import os

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE, MS_NOSUID, MS_NODEV = 1, 32, 4096, 16384, 1 << 18, 2, 4
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38

libc = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def unshare(flags):
    check(libc.unshare(flags))


def mount(source, place, kind, flags, data=None):
    encode = lambda text: None if text is None else os.fsencode(text)
    check(libc.mount(encode(source), encode(place), encode(kind), ctypes.c_ulong(flags), encode(data)))


def enter(root, user, group, volumes, folder):
    """Runs in the child, before its program. `volumes`: path in the root to folder of this machine."""
    unshare(CLONE_NEWNS)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount(root, root, None, MS_BIND)
    mount(None, root, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    for place, source in volumes.items():
        mount(source, root + place, None, MS_BIND)
    os.chroot(root)
    os.chdir(folder)
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
