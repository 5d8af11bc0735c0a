#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>

#include "core/base/mutex.hpp"

namespace locum {

/// Bounds what is fetched ahead of its use, in bytes: a fetch starts when what is on its way, or has come and
/// is not used yet, leaves room for it; a larger one than all the room starts alone. One whose size is not
/// known (0), as it is asked for by its name, is taken to be as large as those before it were. Until one has
/// come, few of them start as a whole, and others ask for their end first, which tells their size: what is
/// small has come with it, and what is larger queues once more. First in, first out. Any thread may call.
class ReadAhead {
 public:
  /// What a fetch asks for.
  enum class Ask : std::uint8_t {
    whole,
    end,  ///< and all of it, if it has no more than that
  };
  /// For fetches of which the end is not asked for alone.
  static constexpr std::uint64_t no_ends = std::numeric_limits<std::uint64_t>::max();

  /// A fetch that may have to wait for room.
  class Fetch {
   public:
    Fetch() = default;
    Fetch(const Fetch&) = delete;
    Fetch& operator=(const Fetch&) = delete;
    virtual ~Fetch() = default;
    /// Starts it. Does not wait; called by whoever made room: once, or once more for the whole after its end.
    virtual void start(Ask ask) noexcept = 0;
  };

  /// \param most_unsized of those of unknown size, on their way at once
  /// \param end_bytes the most that asking for an end brings to memory
  ReadAhead(std::uint64_t most_bytes, std::uint64_t most_unsized, std::uint64_t end_bytes) noexcept
      : most_bytes_(most_bytes), most_unsized_(most_unsized), end_bytes_(end_bytes) {}

  /// Starts the fetch when there is room. \param bytes its size, as far as it is known
  void enter(const std::shared_ptr<Fetch>& fetch, std::uint64_t bytes) LOCUM_EXCLUDES(mutex_);
  /// Its end has come, which says its size: it queues for the whole, before those that have not started.
  void enter_again(const std::shared_ptr<Fetch>& fetch, std::uint64_t bytes) LOCUM_EXCLUDES(mutex_);
  /// Starts a fetch now if it queues: a thread waits for it.
  void expedite(const Fetch& fetch) LOCUM_EXCLUDES(mutex_);
  /// It has come, with that size in place of the one it entered with. Called once for each that has started.
  void resize(std::uint64_t from, std::uint64_t to) noexcept LOCUM_EXCLUDES(mutex_);
  /// It is used, or nobody wants it.
  void leave(std::uint64_t bytes) noexcept LOCUM_EXCLUDES(mutex_);
  /// Takes a fetch out of the queue. False: it has started.
  [[nodiscard]] bool withdraw(const Fetch& fetch) noexcept LOCUM_EXCLUDES(mutex_);

 private:
  struct Queued {
    std::shared_ptr<Fetch> fetch;
    std::uint64_t bytes = 0;
  };
  void let_in() noexcept LOCUM_EXCLUDES(mutex_);
  /// What may be asked for of the first in the queue; none: there is no room for it.
  [[nodiscard]] std::optional<Ask> room_for(std::uint64_t bytes) const noexcept LOCUM_REQUIRES(mutex_);
  [[nodiscard]] std::optional<Queued> take(const Fetch& fetch) noexcept LOCUM_REQUIRES(mutex_);
  void note_size(std::uint64_t bytes) noexcept LOCUM_REQUIRES(mutex_);
  void count(std::uint64_t bytes) noexcept LOCUM_REQUIRES(mutex_);

  const std::uint64_t most_bytes_;
  const std::uint64_t most_unsized_;
  const std::uint64_t end_bytes_;
  Mutex mutex_;
  std::uint64_t bytes_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint64_t inside_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint64_t unsized_ LOCUM_GUARDED_BY(mutex_) = 0;      ///< of inside_: on their way, of unknown size
  std::uint64_t usual_bytes_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< of the largest of those that came of late
  bool has_usual_bytes_ LOCUM_GUARDED_BY(mutex_) = false;
  bool is_letting_in_ LOCUM_GUARDED_BY(mutex_) =
      false;  ///< a thread starts fetches, and looks again after each
  std::deque<Queued> queue_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum
