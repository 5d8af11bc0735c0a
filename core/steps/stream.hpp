#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/session.hpp"
#include "core/steps/records.hpp"
#include "core/steps/step_record.hpp"
#include "core/steps/stream_failure.hpp"
#include "core/store.hpp"

namespace locum::detail {

/// A stream of steps: what its ranks tell each other are Records in the store of all streams, so that a
/// stream that is over leaves nothing, not even the name of a store. A *step* is there once its record is
/// there. Except for those by which the stream is found, the records have names with their home on the node
/// of the writer with index 0, which looks at them often. These are their names. Any thread.
class Stream : public Records {
 public:
  Stream(Store store, std::shared_ptr<SessionState> session, const StreamRecord& record,
         std::string_view title);
  /// Behind its deadline, a call asks that long at most why it has waited, and removes what it leaves.
  static constexpr std::chrono::milliseconds behind{500};
  [[nodiscard]] static Moment behind_of(Moment until, std::chrono::milliseconds time = behind) noexcept {
    return until < Moment::max() - time ? until + time : until;
  }
  /// As the program calls it: what errors are about.
  [[nodiscard]] const std::string& title() const noexcept { return title_; }
  /// The end of a call that waits for other programs: without a deadline that of collective calls, since
  /// these may compute for long.
  [[nodiscard]] static Moment patience(const SessionState& session, Deadline deadline);
  [[nodiscard]] Moment patience(Deadline deadline) const { return patience(session(), deadline); }
  /// The store of all streams.
  [[nodiscard]] static Result<Store> open_store(const Session& session, Deadline deadline = {});
  /// The StreamRecord by which readers find the stream of that title.
  [[nodiscard]] static std::string name(std::string_view title);
  /// The titles of the streams that can be found, as far as is known by the deadline.
  [[nodiscard]] static std::vector<std::string> open_titles(const Store& store, Deadline deadline);
  /// The StreamRecord by which the other ranks of a side that writes it find it.
  [[nodiscard]] static std::string first(std::string_view title, std::uint64_t side);

  [[nodiscard]] const StreamRecord& record() const noexcept { return record_; }

  /// A StepRecord.
  [[nodiscard]] std::string step(std::uint64_t number) const { return named("step/", number); }
  /// A StepRecord of what one writer wrote.
  [[nodiscard]] std::string part(std::uint64_t number, std::uint64_t writer) const {
    return named("part/", number, writer);
  }
  /// Whether a step of that number may be written, for writers of which there are several: a RoomRecord.
  [[nodiscard]] std::string room(std::uint64_t number) const { return named("room/", number); }
  /// The SideRecord of the side that has joined as that one.
  [[nodiscard]] std::string joined(std::uint64_t place) const { return named("joined/", place); }
  /// The number of the first step that a side reads.
  [[nodiscard]] std::string from(std::uint64_t side) const { return named("from/", side); }
  /// The number of the first step that the members of a group read.
  [[nodiscard]] std::string begins(std::uint64_t group) const { return named("begins/", group); }
  /// A PublishedRecord.
  [[nodiscard]] std::string published() const { return named("published"); }
  /// While there is none, and the policy is to fail: that there is no room for a step of that number.
  [[nodiscard]] std::string full(std::uint64_t number) const { return named("full/", number); }
  /// A RefusalsRecord.
  [[nodiscard]] std::string refusals(std::uint64_t number) const { return named("refusals/", number); }
  /// A BegunRecord, of a side or of a group. Only of groups, and where steps may be dropped.
  [[nodiscard]] std::string begun(std::uint64_t step, std::uint64_t reader) const {
    return named("begun/", step, reader);
  }
  /// Which step is the n-th one that a side reads, if it has more than one rank and not all steps are its.
  [[nodiscard]] std::string turn(std::uint64_t side, std::uint64_t n) const {
    return named("turn/", side, n);
  }
  /// That a rank has released a step.
  [[nodiscard]] std::string released(std::uint64_t step, const Handle& reader) const {
    return named("released/", step, reader);
  }
  /// How many sides had joined when the stream was retired; perhaps fewer.
  [[nodiscard]] std::string retired() const { return named("retired"); }
  /// That a rank does not read any more.
  [[nodiscard]] std::string left(const Handle& reader) const { return named("left/", 0, reader); }
  /// The Presence of a rank of a reader.
  [[nodiscard]] std::string member(std::uint64_t side, std::uint64_t index) const {
    return named("member/", side, index);
  }
  /// The Presence of a writer other than the first one, until it has closed.
  [[nodiscard]] std::string writer(std::uint64_t index) const { return named("writer/", index); }
  /// The StreamFailure, once the stream has failed.
  [[nodiscard]] std::string failure() const { return named("failure"); }
  /// How the stream was closed by its first writer, which takes no more part in it: a StreamFailure.
  [[nodiscard]] std::string closed() const { return named("closed"); }

  /// The error of a call, about this stream. One of a request for a record names the rank of its home.
  [[nodiscard]] Error about(const Error& error) const;

  /// What the record says that published() names; that there is no step as long as there is none.
  [[nodiscard]] Result<PublishedRecord> progress(Deadline deadline) const;

  /// Evicts the blocks of a step, with one message to each node that has some. The reply of a node that is
  /// silent is not waited for long: the stream goes on without it.
  void evict_blocks(const StepRecord& step) const;

  /// Says that the stream has failed. The first one that is said counts.
  void fail(const StreamFailure& failure) const;
  /// What was said; none if nothing was, or it cannot be read.
  [[nodiscard]] StreamFailure failed() const;
  /// The error of a stream of which a record says that it has failed: what was said, or that a writer was
  /// lost.
  [[nodiscard]] Error failed(int lost_rank) const;

  /// Lets nobody else join this stream: from now on its name leads to the next one, or to none.
  void retire() const;
  /// Whether it was retired. A reader does so that has seen its end, and may then remove what tells of it.
  [[nodiscard]] Result<bool> is_over(Deadline deadline) const;
  /// Whether the side that has joined as that one did so before it was retired. REQUIRES: it was.
  [[nodiscard]] Result<bool> has_joined_in_time(std::uint64_t place, Deadline deadline) const;
  /// All writers have found the stream: who looks for it now means the next one.
  void end_opening() const { withdraw(first(title_, record_.number)); }
  /// Removes all that the stream has left, if all but its first writer have left, and that one has closed it,
  /// or is gone, or the stream was retired. Unless it was, it is kept for the first reader, if there has been
  /// none. Called by each rank that leaves, after it has said so: the last one sees that it is.
  void clean_if_left(bool writer_is_gone) const noexcept;

 private:
  /// Of the writers other than the first one, and the readers that have joined.
  [[nodiscard]] bool have_all_left(bool first_writer_is_gone) const;
  /// Removes this StreamRecord, if it is still that of this stream.
  void withdraw(std::string_view announcement) const;
  [[nodiscard]] std::string named(std::string_view kind) const;
  [[nodiscard]] std::string named(std::string_view kind, std::uint64_t number) const;
  [[nodiscard]] std::string named(std::string_view kind, std::uint64_t number, std::uint64_t part) const;
  [[nodiscard]] std::string named(std::string_view kind, std::uint64_t number, const Handle& rank) const;

  StreamRecord record_;
  std::string title_;
  std::string prefix_;  ///< of the names that no other stream has: the key of the first writer's Presence
};

}  // namespace locum::detail
