#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/step_options.hpp"
#include "core/steps/presence.hpp"
#include "core/steps/step_ahead.hpp"
#include "core/steps/step_fetch.hpp"
#include "core/steps/step_record.hpp"
#include "core/steps/step_replay.hpp"
#include "core/steps/stream.hpp"
#include "core/value/wait_notice.hpp"

namespace locum::detail {

/// A rank's part of a StepReader, which joins the stream with its first step. One thread at a time.
class StepInput {
 public:
  using Moment = Stream::Moment;

  StepInput(StepSide side, std::string_view stream, const StepReaderOptions& options);
  StepInput(const StepInput&) = delete;
  StepInput& operator=(const StepInput&) = delete;
  ~StepInput();

  struct Found {
    std::uint64_t number = 0;    ///< in the stream
    std::uint64_t known_as = 0;  ///< to the program: of a step of a file, the number in that
    View<StepRecord> record;
    /// Sealed, it says that this rank has released the step. Made beforehand, so that it needs no memory
    /// then.
    Writer<std::uint8_t> released;
  };
  /// The next step; see StepReader::next().
  [[nodiscard]] Result<Found> next(Deadline deadline);
  /// The newest step, at least the next one; releases those before it.
  [[nodiscard]] Result<Found> latest(Deadline deadline);

  /// Says that this rank has released the step. Any thread.
  void release(std::uint64_t number, Writer<std::uint8_t> released) const;

  /// Reads that step.
  [[nodiscard]] StepFetch fetch(const Found& found) const {
    return {stream_->store(), stream_->session().options().node, ahead_, found.number, found.record, title()};
  }

 private:
  [[nodiscard]] Error end_of_stream() const;
  /// The same error, about the stream in place of one of its records.
  [[nodiscard]] Error ours(const Error& error) const;
  /// What the program has named: a stream, or the file of one.
  [[nodiscard]] const std::string& title() const noexcept { return replay_ ? options_.file : name_; }
  /// No step follows, for this reason.
  [[nodiscard]] Error finished(const Error& error);
  [[nodiscard]] Result<Found> next_or(Deadline deadline);
  [[nodiscard]] Result<Found> find_next(Deadline deadline);
  /// The program reads this one: what it read of the last one is fetched of it.
  [[nodiscard]] Result<Found> begun(Result<Found> found) const;
  [[nodiscard]] Moment moment(Deadline deadline) const;
  [[nodiscard]] Result<void> join(Moment until);
  [[nodiscard]] Result<View<StreamRecord>> await_stream(const Store& store, Moment until);
  [[nodiscard]] Result<void> find_stream(Moment until);
  [[nodiscard]] Result<void> join_first(Moment until);
  [[nodiscard]] Result<void> join_others(Moment until);
  [[nodiscard]] Result<void> check_joinable(Moment until);
  /// The error of a wait for another rank of this reader.
  [[nodiscard]] static Error late(std::size_t index, const Error& error);
  [[nodiscard]] Result<std::uint64_t> first_step(Moment until) const;
  /// With which step the members of the group begin: with that one, unless another member has decided.
  [[nodiscard]] Result<std::uint64_t> begin_of_group(std::uint64_t first, Moment until) const;
  [[nodiscard]] Result<View<StepRecord>> await(std::uint64_t number, Moment until);
  [[nodiscard]] std::uint64_t reader() const noexcept { return group_ != 0 ? group_ : side_.number; }
  /// Whether this side reads the step from now on, because it has begun it in this turn, and no other one of
  /// its group has.
  [[nodiscard]] Result<bool> try_to_begin(std::uint64_t number, Moment until);
  /// REQUIRES: this side has begun the step, and reads nothing of it.
  void give_up(std::uint64_t number) const;
  /// Gives up the step that this side may have claimed for its group in a call that has failed, unless
  /// another one has. REQUIRES: there is such a claim.
  [[nodiscard]] Result<void> withdraw_claim(Moment until);
  [[nodiscard]] Result<std::uint64_t> choose(Moment until);
  /// A member of a group has come to the end of the stream. While others hold steps, waits, not for long:
  /// what one of them holds that dies goes to this one. Whether it is to look at the steps again.
  [[nodiscard]] Result<bool> await_group(std::uint64_t end, bool has_looked_again, Moment until);
  /// Whether a rank of this side holds that step, which the side has begun.
  [[nodiscard]] bool holds(std::uint64_t number) const;
  [[nodiscard]] Result<std::uint64_t> find_turn(Moment until);
  [[nodiscard]] Result<void> check_writer();
  [[nodiscard]] Result<void> check_writer_of(std::uint64_t number);
  [[nodiscard]] Result<void> check_first_reader();
  void complete(std::uint64_t number) const;
  /// What a call has waited for in vain.
  [[nodiscard]] StreamFailure delay(std::uint64_t number) const;
  [[nodiscard]] Result<Found> judged(std::uint64_t number, Result<View<StepRecord>> step, Moment until);
  void leave(Moment until) noexcept;

  const StepSide side_;
  const std::unique_ptr<StepReplay> replay_;  ///< of the steps of a file; else null
  const std::string name_;
  const StepReaderOptions options_;
  const std::uint64_t group_;   ///< 0: none
  std::optional<Store> store_;  ///< once it was opened
  std::optional<Stream> stream_;
  Moment latest_ = Moment::max();  ///< end of the requests of a call: see Records::ends_by()
  Presence presence_;
  Handle handle_{};  ///< of that
  PresenceWatch writer_;
  std::optional<PresenceWatch> first_reader_;  ///< of the ranks with another index
  std::shared_ptr<StepAhead> ahead_;           ///< null if nothing is to be fetched ahead
  bool has_joined_ = false;
  std::vector<Handle> ranks_;  ///< of this side, if this is the first one
  std::uint64_t next_ = 0;  ///< the first step that this side may read; in a group also later ones were read
  std::uint64_t awaited_ = 0;  ///< the step that this side has waited for last, if this is its first rank
  std::optional<std::uint64_t> claim_;  ///< a step that this side may have begun for its group, and not got
  std::uint64_t turn_ = 0;              ///< steps that were read
  std::uint64_t next_part_ = 0;         ///< of which the next step is made, unless some were dropped
  std::optional<Error> over_;
  WaitNotice notice_;  ///< of waits for a writer
};

}  // namespace locum::detail
