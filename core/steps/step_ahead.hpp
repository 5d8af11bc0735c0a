#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/async_result.hpp"
#include "core/base/mutex.hpp"
#include "core/object/object.hpp"
#include "core/steps/box_pieces.hpp"
#include "core/steps/step_record.hpp"
#include "core/value/deadline.hpp"
#include "core/value/extents.hpp"
#include "core/value/hyperslab.hpp"
#include "core/value/key.hpp"
#include "core/view.hpp"

namespace locum::detail {

class Stream;

/// Parts of a step that are on their way from other nodes.
class StepTransfers {
 public:
  void add(const BoxPiece& piece, AsyncResult<ObjectView> object) {
    all_.push_back({piece.block->key, piece.slab, std::move(object)});
  }
  void add(StepTransfers others);
  /// Each can be taken once.
  [[nodiscard]] std::optional<AsyncResult<ObjectView>> take(const BoxPiece& piece);

 private:
  struct Transfer {
    Key block;
    Hyperslab slab;
    AsyncResult<ObjectView> object;
  };

  std::vector<Transfer> all_;
};

/// What a reader has read of a step, to be fetched of another one.
struct StepWish {
  enum class Of : std::uint8_t {
    block,   ///< the only block of that name, or that of one writer
    blocks,  ///< all blocks
    box,     ///< of a global array
  };

  Of of = Of::block;
  std::string name;
  std::string type;              ///< of its objects
  std::uint32_t flat_bytes = 1;  ///< of a box: see ArrayType
  Extents inner = {};
  Hyperslab box = {};
  int writer = -1;

  [[nodiscard]] bool same_as(const StepWish& other) const noexcept;
};

/// Fetches of the next steps, as soon as these exist, what the reader has read of the last one from other
/// nodes, so that it comes while this process computes. Where the records of steps come from another node,
/// some are asked for before they exist: the writer then sends each when it publishes the step, and need not
/// wait for the reader to ask. Any thread.
///
/// Invariant: no call that may run a continuation is made under the mutex.
class StepAhead : public std::enable_shared_from_this<StepAhead> {
 public:
  /// \param steps how many steps ahead
  StepAhead(const Stream& stream, std::uint32_t steps);
  StepAhead(const StepAhead&) = delete;
  StepAhead& operator=(const StepAhead&) = delete;
  ~StepAhead();

  /// The reader begins to read this step: what was fetched of it can be taken, or is fetched now, all at
  /// once. Later ones are waited for.
  void begins(std::uint64_t number, const View<StepRecord>& step);
  /// The reader has released this step: one more is asked for, by the message that tells of that.
  void released(std::uint64_t number);
  /// The reader reads that of this step, from another node.
  void wants(std::uint64_t number, StepWish wish);
  /// The record of a step, if it has come, or is asked for: waits for it until that moment. None if it is
  /// not, or an error has come in place of it; `timeout` if nothing has.
  [[nodiscard]] std::optional<Result<View<StepRecord>>> await(std::uint64_t number,
                                                              Deadline::Clock::time_point until);
  /// What was fetched of a step; empty if it was not, or was taken before.
  [[nodiscard]] std::optional<AsyncResult<ObjectView>> take(std::uint64_t number, const BoxPiece& piece) {
    const MutexLock lock(mutex_);
    return number == number_ ? now_.take(piece) : std::nullopt;
  }

 private:
  struct Next {
    View<StepRecord> step;
    StepTransfers transfers;
  };
  /// A wait for the record of a step.
  struct Watch {
    std::optional<Future<StepRecord>> record;  ///< none while it is begun
    bool is_told = false;                      ///< whether arrived() is called at its end
  };
  using Watches = std::map<std::uint64_t, Watch>;

  static void cancel(Watches& watches);
  void watch_next();
  /// Has arrived() called at the end of that watch.
  void tell_of(const Future<StepRecord>& watch, std::uint64_t number);
  /// Steps that are to be asked for.
  [[nodiscard]] std::vector<std::uint64_t> choose_next() LOCUM_REQUIRES(mutex_);
  /// Watches whose step is to be fetched as soon as it is there.
  [[nodiscard]] Watches take_untold() LOCUM_REQUIRES(mutex_);
  void arrived(std::uint64_t number, const Result<View<StepRecord>>& step);
  [[nodiscard]] StepTransfers begin(const std::vector<StepWish>& wishes, std::uint64_t number,
                                    const View<StepRecord>& step) const;

  const std::unique_ptr<const Stream> stream_;
  const std::uint32_t steps_;
  const std::uint32_t asked_;  ///< how many steps ahead; 0: only those of which something is wished for
  Mutex mutex_;
  std::uint64_t number_ LOCUM_GUARDED_BY(mutex_) = 0;            ///< of the step that is read
  bool is_released_ LOCUM_GUARDED_BY(mutex_) = false;            ///< that step
  StepTransfers now_ LOCUM_GUARDED_BY(mutex_);                   ///< of that
  std::vector<StepWish> read_ LOCUM_GUARDED_BY(mutex_);          ///< of that
  std::vector<StepWish> wishes_ LOCUM_GUARDED_BY(mutex_);        ///< these, and those of the step before
  std::map<std::uint64_t, Next> next_ LOCUM_GUARDED_BY(mutex_);  ///< steps that exist, by number
  Watches watches_ LOCUM_GUARDED_BY(mutex_);                     ///< by the number of the step
};

}  // namespace locum::detail
