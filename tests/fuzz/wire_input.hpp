#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/core/bent_transport.hpp"

namespace locum::tests {

/// What a rank may have to read of another one.
enum class WireInput : std::uint8_t { request, reply, error, names, object, reference };
inline constexpr int wire_inputs = 6;

/// Bytes as a fuzzer makes them, read by whatever reads such bytes of another rank: all of it, as the ranks
/// of a simulated world. The first byte says what they are, the second the kind of the message, the third its
/// status, the fourth and fifth how many of those behind them are its body; the rest is its bulk. Whatever
/// they are, the world has to stay whole: what a rank made itself is still there afterwards, with its bytes;
/// if not, aborts.
void read_wire(std::span<const std::byte> input);

/// A message of a rank, as such bytes.
[[nodiscard]] std::vector<std::byte> wire_input_of(const Message& message);

/// Inputs of all sorts, made from what ranks say that behave.
[[nodiscard]] std::vector<std::vector<std::byte>> honest_wire_inputs();

}  // namespace locum::tests
