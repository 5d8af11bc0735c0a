#!/usr/bin/env python3
"""Passes packets between a network device and a new TAP device, each some time after it came.

usage: delay.py DEVICE TAP MILLISECONDS

Prints a line when TAP is there. Ends by a signal. Frames are passed on as they come, with checksums and segments that are still to be
made: the kernel writes before each frame what a device would have to know (struct virtio_net_hdr), and takes it back with it.
"""
import collections
import errno
import fcntl
import os
import select
import socket
import struct
import sys
import time

# <linux/if_tun.h>, <linux/if_packet.h>, <linux/if_ether.h>
TUNSETIFF, TUNSETOFFLOAD, TUNSETVNETHDRSZ = 0x400454CA, 0x400454D0, 0x400454D8
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
CHECKSUM, TCP4, TCP6 = 0x01, 0x02, 0x04
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING, ETH_P_ALL = 263, 15, 23, 0x0003

HEADER_BYTES = 10
FRAME_BYTES = HEADER_BYTES + 18 + 65536
QUEUE_BYTES = 64 << 20  # more than that is dropped, as a router does


def open_tap(name):
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    fcntl.ioctl(tap, TUNSETVNETHDRSZ, struct.pack("i", HEADER_BYTES))
    fcntl.ioctl(tap, TUNSETOFFLOAD, CHECKSUM | TCP4 | TCP6)
    return tap


def open_device(name):
    device = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    device.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    device.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    device.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, QUEUE_BYTES)
    device.setblocking(False)
    device.bind((name, ETH_P_ALL))
    return device.detach()


def main():
    device_name, tap_name, milliseconds = sys.argv[1:]
    delay = float(milliseconds) / 1000
    tap, device = open_tap(tap_name), open_device(device_name)
    print("ready", flush=True)
    other = {tap: device, device: tap}
    late = collections.deque()  # (when, where to, frame): as they came, so the first is due first
    bytes_late = 0
    while True:
        wait = max(0.0, late[0][0] - time.monotonic()) if late else None
        for source in select.select([tap, device], [], [], wait)[0]:
            try:
                frame = os.read(source, FRAME_BYTES)
            except OSError as error:  # a cut link
                if error.errno not in (errno.EAGAIN, errno.ENETDOWN, errno.EIO):
                    raise
                continue
            if bytes_late + len(frame) <= QUEUE_BYTES:
                late.append((time.monotonic() + delay, other[source], frame))
                bytes_late += len(frame)
        while late and late[0][0] <= time.monotonic():
            _, target, frame = late.popleft()
            bytes_late -= len(frame)
            try:
                os.write(target, frame)
            except OSError as error:  # lost: the link is cut, or takes no more
                if error.errno not in (errno.EAGAIN, errno.ENETDOWN, errno.EIO, errno.ENOBUFS, errno.EINVAL, errno.EMSGSIZE):
                    raise


main()
