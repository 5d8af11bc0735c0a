#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <locum/record.hpp>
#include <locum/result.hpp>

namespace locum {

// A stored Record, of type `locum.record`, little-endian:
//
//   1 byte    version: 1
//   a value   1 byte: its tag; then, by the tag:
//
//   tag                 what follows
//    0  null            nothing
//    1  false           nothing
//    2  true            nothing
//    3  integer         8 bytes: from -2^63 to 2^63 - 1
//    4  large integer   8 bytes: from 2^63 to 2^64 - 1
//    5  real            8 bytes: IEEE 754
//    6  complex         16 bytes: real and imaginary part
//    7  text            8 bytes: length; the bytes
//    8  bytes           8 bytes: length; the bytes
//    9  array           8 bytes: length of the name of the elements' type; the name; 1 byte: number of
//                       extents, at most 8; 8 bytes each: the extents, slowest dimension first; zeros up to a
//                       multiple of 16 bytes from the version on; the elements, row-major
//   10  list            8 bytes: number of values; the values
//   11  members         8 bytes: number of members; for each, 8 bytes: length of its name; the name, which
//                       differs from the others; the value
//   12  stand-in        64 bytes: a handle; all zero: an empty one
//
// Lists and members nest at most `max_nesting` levels deep. Equal values that differ only in the order of
// members have different bytes; else the same value always has the same ones.

namespace detail {
class SessionState;
}

/// Reads a stored Record, all of these bytes, in place: arrays show their elements where they are, and keep
/// `owner`, which keeps the bytes alive and unchanged. Without an owner, and where the address of the
/// elements is no multiple of 16, they are copied. Stand-ins resolve in the session. `corrupt` if the bytes
/// are no Record; `out_of_memory`. The bytes are not trusted.
[[nodiscard]] Result<Record> decode_record(const std::shared_ptr<const void>& owner,
                                           std::span<const std::byte> bytes,
                                           const std::weak_ptr<detail::SessionState>& session);

}  // namespace locum
