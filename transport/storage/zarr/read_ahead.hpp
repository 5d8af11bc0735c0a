#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include "core/array.hpp"
#include "core/base/fork_mark.hpp"
#include "core/value/deadline.hpp"
#include "core/value/hyperslab.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// Reads one box of an array ahead, in a thread that starts with the first one and sleeps while there is
/// none: one box at a time is in memory. Any thread.
class ReadAhead {
 public:
  /// A box, and how it is read.
  struct Box {
    Hyperslab elements;
    bool strict = false;

    friend bool operator==(const Box& a, const Box& b) noexcept {
      const Hyperslab& left = a.elements;
      const Hyperslab& right = b.elements;
      bool same =
          a.strict == b.strict && left.start.size() == right.start.size() && left.count == right.count;
      for (std::size_t at = 0; same && at < left.start.size(); ++at) {
        same = left.start[at] == right.start[at] &&
               (left.count[at] == 1 || stride_of(left, at) == stride_of(right, at));
      }
      return same;
    }
  };
  /// Reads the box; may return any error early once it is unwanted.
  using Read = std::function<Result<Array>(const std::atomic<bool>& is_unwanted)>;

  ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  /// Waits until the thread has noticed that its box is unwanted.
  ~ReadAhead();

  /// Begins to read, in place of the box before, of which nothing is kept. `system` if the system allows no
  /// thread. In a forked process, which has no such thread, does nothing.
  [[nodiscard]] Result<void> begin(const Box& box, Read read);
  /// Returns the box, for which it waits. None: it is not the one that is read ahead, its read failed or has
  /// not begun; it is not read ahead any more then.
  [[nodiscard]] std::optional<Array> take(const Box& box, Deadline deadline);
  /// Drops what was read, or is being read: it may have changed.
  void drop();

 private:
  class Reader;

  const ForkMark maker_;
  const std::shared_ptr<Reader>
      reader_;  ///< shared with the thread, so that a forked process leaves it alone
};

}  // namespace locum::storage
