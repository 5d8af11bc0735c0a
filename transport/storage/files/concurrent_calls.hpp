#pragma once

#include <sched.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <span>

#include "core/value/result.hpp"

namespace locum::storage {

/// The processors that a thread may run on.
using Processors = cpu_set_t;

/// Returns those of the calling thread; none if the system does not tell.
[[nodiscard]] std::optional<Processors> processors_of_this_thread() noexcept;

/// Returns the processors of the thread with that number that waits meanwhile, often one of another rank of
/// the node: they have nothing else to do. Numbers begin at 0; none: there is no such thread (yet).
using LentProcessors = std::function<std::optional<Processors>(std::size_t number)>;

/// Calls `call` with each index below `count`: in the calling thread, in as many others as its processors
/// allow, and in one more for each processor that is lent, but in no more than 16. Returns when all calls
/// have returned. Calls are not ordered, and must not throw.
void call_concurrently(std::size_t count, const std::function<void(std::size_t index)>& call,
                       const LentProcessors& lent = {});

/// Reads to a part of what memory is given, which begins at that byte of it.
using ReadPiece = std::function<Result<void>(std::size_t at, std::span<std::byte> into)>;
/// Bytes that read_in_pieces() reads at once.
inline constexpr std::size_t read_piece_bytes = std::size_t{8} << 20U;
/// Fills memory by calls of `read`, concurrent ones where it takes several pieces: the system takes the
/// memory of a new object page by page, which takes as long as copying the bytes. Returns the error of the
/// first piece that failed.
[[nodiscard]] Result<void> read_in_pieces(std::span<std::byte> into, const ReadPiece& read,
                                          const LentProcessors& lent);

}  // namespace locum::storage
