#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/step_options.hpp"
#include "core/steps/presence.hpp"
#include "core/steps/step_record.hpp"
#include "core/steps/stream.hpp"

namespace locum::detail {

/// The steps of a stream that exist. Kept by the writer with index 0, which publishes them, and frees them
/// once all readers have released them, or by WhenFull. One thread at a time.
///
/// A step is hidden first, by evicting its record, and freed if then still no reader has it: a reader that
/// joins, or begins a step, says so first and then looks whether the step is there. So one of the two sees
/// the other.
class StepQueue {
 public:
  using Moment = Stream::Moment;

  StepQueue(Stream stream, const StepWriterOptions& options)
      : stream_(std::move(stream)), options_(options) {}

  /// The number of the next step.
  [[nodiscard]] std::uint64_t next() const noexcept { return next_; }
  /// Waits until that many sides have joined.
  [[nodiscard]] Result<void> await_readers(Moment until) const;
  /// Frees what readers have released. Whether there is then room for one more step, besides `ahead` that are
  /// being written.
  [[nodiscard]] Result<bool> find_room(std::size_t ahead);
  /// Waits until there is room for one more step; at once if steps are dropped when there is none. `timeout`
  /// names the rank that has not released the oldest one.
  [[nodiscard]] Result<void> make_room(Moment until);
  /// The next step. It may be dropped at once: see WhenFull.
  [[nodiscard]] Result<void> publish(const StepRecord& step, Moment until);
  /// The stream has ended, or failed: `last` says how. Waits until all readers have released all steps, and
  /// then removes what the stream has left.
  [[nodiscard]] Result<void> end(const StepRecord& last, Moment until);

 private:
  struct Kept {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
    std::vector<Key> blocks;
  };
  using Steps = std::deque<Kept>;

  [[nodiscard]] bool drops() const noexcept { return options_.when_full != WhenFull::wait; }
  [[nodiscard]] bool has_room(std::size_t ahead) const noexcept;
  /// Reads the readers' records.
  [[nodiscard]] Result<void> look();
  [[nodiscard]] bool is_here(const ReaderRecord& reader);
  /// The first reader that may still want a step; null if there is none.
  [[nodiscard]] const ReaderRecord* holder_of(const Kept& step);
  /// Frees all steps that no reader holds. REQUIRES: look().
  void free_released();
  /// Frees a step unless a reader has it; hides it in any case.
  [[nodiscard]] Result<bool> drop(Steps::iterator step, Moment until);
  [[nodiscard]] Result<bool> drop_oldest(Moment until);
  Steps::iterator free(Steps::iterator step);
  [[nodiscard]] Result<void> await_release(Moment until);

  Stream stream_;
  const StepWriterOptions options_;
  Steps steps_;
  std::uint64_t bytes_ = 0;  ///< of these
  std::uint64_t last_bytes_ = 0;
  std::uint64_t next_ = 0;
  std::vector<ReaderRecord> readers_;  ///< as of the last look
  std::unordered_map<Key, PresenceWatch> watches_;
};

}  // namespace locum::detail
