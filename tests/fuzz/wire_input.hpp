#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/core/bent_transport.hpp"

namespace locum::tests {

/// The kinds of bytes that a rank reads from another one.
enum class WireInput : std::uint8_t { request, reply, error, names, object, reference };
inline constexpr int wire_inputs = 6;

/// Passes the bytes of a fuzzer to all code that reads such bytes of another rank, in the ranks of a
/// simulated world. The first byte says what they are, the second the kind of the message, the third its
/// status, the fourth and fifth how many of the following ones are its body; the rest is its bulk. The world
/// must survive any bytes: a rank's own objects still exist afterwards, with their content; if not, aborts.
void read_wire(std::span<const std::byte> input);

/// A message of a rank, in that format.
[[nodiscard]] std::vector<std::byte> wire_input_of(const Message& message);

/// Valid inputs of all kinds, made from messages of correct ranks.
[[nodiscard]] std::vector<std::vector<std::byte>> honest_wire_inputs();

}  // namespace locum::tests
