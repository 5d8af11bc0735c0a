#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "core/step_options.hpp"
#include "core/steps/presence.hpp"
#include "core/steps/step_record.hpp"
#include "core/steps/stream.hpp"
#include "core/value/wait_notice.hpp"

namespace locum::detail {

/// The steps of a stream that exist. Kept by the writer with index 0, which publishes them, and frees them
/// once all readers have released them, or by WhenFull. One thread at a time.
///
/// A step is hidden first, by evicting its record, and freed if then still no reader has it; else it is shown
/// again. A reader that joins, or begins a step, says so first and then looks whether the step is there. So
/// one of the two sees the other.
class StepQueue {
 public:
  using Moment = Stream::Moment;
  using GoesOn = std::function<Result<void>()>;

  StepQueue(Stream stream, const StepWriterOptions& options)
      : stream_(std::move(stream)), options_(options) {}

  /// The number of the next step.
  [[nodiscard]] std::uint64_t next() const noexcept { return next_; }
  /// Whether a step for which there is no room is written all the same, and then one is dropped.
  [[nodiscard]] bool drops() const noexcept {
    return options_.when_full == WhenFull::drop_oldest || options_.when_full == WhenFull::drop_newest;
  }
  /// Whether every step is kept until readers have released it, also before the first one has joined.
  [[nodiscard]] bool loses_nothing() const noexcept { return !drops() && options_.file.empty(); }
  /// Waits until `rendezvous_readers` sides have joined.
  [[nodiscard]] Result<void> await_readers(Moment until);
  /// Frees what readers have released. Whether there is then room for one more step, besides `ahead` that are
  /// being written.
  [[nodiscard]] Result<bool> find_room(std::size_t ahead);
  /// Waits until there is room for one more step; at once if steps are dropped when there is none. `timeout`
  /// is the error of delay().
  [[nodiscard]] Result<void> make_room(Moment until);
  /// The node has no memory, while there are steps: frees one that may be freed or dropped, or waits, not for
  /// long, for the release of one. False: none will be. `timeout` at the end.
  [[nodiscard]] Result<bool> free_memory(Moment until);
  /// What keeps a step from being freed: the rank that has not released the oldest one, or that no reader
  /// has joined.
  [[nodiscard]] StreamFailure delay() const;
  /// Whether there are steps, as far as find_room() has seen.
  [[nodiscard]] bool is_empty() const noexcept { return steps_.empty(); }
  /// The next step. It may be dropped at once: see WhenFull. Where the node has no memory, waits until steps
  /// are released. On an error it was not published.
  /// `goes_on`: called before each such wait of at most Stream::look_interval; its error ends the call.
  [[nodiscard]] Result<void> publish(StepRecord step, Moment until, const GoesOn& goes_on);
  /// The stream has ended, or failed: `last` says how. Waits until all readers have released all steps; of a
  /// stream that loses nothing, and has not failed, also for the first reader. `timeout` is the error of
  /// delay(): the steps can still be read then.
  [[nodiscard]] Result<void> end(const StepRecord& last, Moment until);

 private:
  struct Kept {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
    StepRecord record;
    bool is_hidden = false;  ///< from readers, though one wants it: there was no memory to show it again
  };
  /// A rank that reads.
  struct Reader {
    Handle presence{};
    PresenceWatch watch;
    bool is_gone = false;
  };
  /// The ranks that read together.
  struct Side {
    static constexpr std::uint64_t undecided = ~std::uint64_t{0};

    std::uint64_t number = 0;
    std::uint64_t group = 0;         ///< 0: all steps are theirs
    std::uint64_t from = undecided;  ///< the first step that they read
    std::vector<Reader> ranks;
    std::vector<std::uint64_t> unfinished;  ///< steps that lost ranks had begun for the group

    [[nodiscard]] std::uint64_t reader() const noexcept { return group != 0 ? group : number; }
  };

  [[nodiscard]] bool has_room(std::size_t ahead) const noexcept;
  /// Learns who has joined, left or died.
  [[nodiscard]] Result<void> look();
  /// Reads with which step a side begins, if it has said so.
  void ask(Side& side) const;
  void forget(Side& side, Reader& reader, bool has_left);
  /// That its ranks do not read any more that are gone.
  void tell_left(const Side& side) const;
  /// Steps that this side had begun and not released go to others of its group.
  void give_back(const Side& side) const;
  [[nodiscard]] std::optional<BegunRecord> begun(const Kept& step, const Side& side) const;
  [[nodiscard]] bool may_want(const Side& side, const Kept& step) const;
  /// The first rank that may still want a step; null if there is none.
  [[nodiscard]] const Reader* holder_of(const Kept& step) const;
  /// Whether a reader has begun the step and not released it, or may want it where none is dropped.
  [[nodiscard]] bool is_held(const Kept& step) const;
  [[nodiscard]] bool is_here(const Reader& reader) const noexcept;
  /// Whether a rank that reads is on another node.
  [[nodiscard]] bool is_read_elsewhere() const;
  /// Frees all steps that no reader holds. REQUIRES: look().
  [[nodiscard]] Result<void> free_released();
  /// Frees the step at that place, unless a reader has begun it meanwhile, by `is_held`.
  template <class IsHeld>
  [[nodiscard]] Result<bool> try_to_free(std::size_t at, IsHeld is_held);
  [[nodiscard]] Result<bool> drop_oldest();
  [[nodiscard]] Result<void> show_hidden();
  /// Puts the record of the next step. Where the node has no memory, waits until steps are released.
  [[nodiscard]] Result<void> show(const StepRecord& step, Moment until, const GoesOn& goes_on);
  /// Waits, not for long, until a step may be free; `timeout` at the end.
  [[nodiscard]] Result<void> await_release(Moment until);
  [[nodiscard]] Result<void> await_first_reader(Moment until);
  /// Of a wait for readers that have not joined. `why` makes the error by which it would end now.
  template <class Why>
  void tell_of_wait(Why why) {
    const SessionOptions& own = stream_.session().options();
    notice_.waits(own.options.log, own.rank, stream_.now(), why);
  }
  [[nodiscard]] Result<void> end_and_drain(const StepRecord& last, Moment until);
  /// Whether the steps are kept for the first reader.
  [[nodiscard]] bool awaits_reader() const noexcept { return joined_ == 0 && !was_read_ && loses_nothing(); }

  const Stream stream_;
  const StepWriterOptions options_;
  WaitNotice notice_;
  std::deque<Kept> steps_;
  std::uint64_t bytes_ = 0;                  ///< of these
  std::optional<std::uint64_t> last_bytes_;  ///< of the last step; none before the first one
  std::uint64_t next_ = 0;
  std::uint64_t joined_ = 0;  ///< sides that have, ever
  bool was_read_ = false;     ///< to the end, by a side that may have left before it was counted
  std::vector<Side> sides_;   ///< of which a rank is here
};

}  // namespace locum::detail
