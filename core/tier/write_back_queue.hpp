#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/tier/unwritten_names.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Writes names of a tier to the backend in the background, in about the order in which they were put, some
/// at a time; of a name that changes meanwhile, what it has then. A name that could not be written is tried
/// again every second, and by flush(). Any thread.
class WriteBackQueue {
 public:
  using Moment = Deadline::Clock::time_point;
  /// Told of one of the names, by its place, as soon as it is written or has failed; from any thread.
  using Written = std::function<void(std::size_t name, const Result<void>& outcome)>;
  /// Writes what memory has under each of those names, if anything; several threads may call at once. Tells
  /// of each name once.
  using Write =
      std::function<void(std::span<const UnwrittenName> names, const Written& written, Moment until)>;

  /// \param most_bytes that are not written yet, at a time
  /// \param lost_node_peers the ranks of this node that are dead; may be empty
  WriteBackQueue(UnwrittenNames names, Write write, std::function<std::vector<int>()> lost_node_peers,
                 std::uint64_t most_bytes, std::chrono::milliseconds timeout);
  WriteBackQueue(const WriteBackQueue&) = delete;
  WriteBackQueue& operator=(const WriteBackQueue&) = delete;
  /// As close().
  ~WriteBackQueue();

  [[nodiscard]] std::uint64_t most_bytes() const noexcept;
  /// Waits until so many more bytes may be unwritten, and counts them. `timeout`, or why nothing could be
  /// written. REQUIRES: at most most_bytes().
  [[nodiscard]] Result<void> admit(std::uint64_t size_bytes, Moment until);
  /// Counts bytes back that were admitted and not put.
  void release(std::uint64_t size_bytes) noexcept;
  /// The object is in memory. REQUIRES: its bytes were admitted, its record is there.
  void add(const UnwrittenName& name, std::uint64_t size_bytes);
  /// Waits until all that was added before is written, and what dead ranks of this node have left. The first
  /// error, or `timeout`; what is not written stays, and is tried again.
  [[nodiscard]] Result<void> flush(Moment until);
  /// How much is not written yet, and why; empty if nothing is.
  [[nodiscard]] std::string describe() const;
  /// The objects of that store are dropped: none is written after the return.
  void forget(std::uint32_t store);
  /// Writes no more. No effect in a process forked from the owner, which does not have the thread.
  void close() noexcept;

 private:
  struct State;
  static void work(State& state) noexcept;

  const std::shared_ptr<State> state_;
};

}  // namespace locum
