#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/steps/records.hpp"
#include "core/tasks/task_line.hpp"
#include "core/value/handle.hpp"
#include "core/value/key.hpp"

namespace locum::detail {

class TaskSurvey;

/// What a queue has under a number.
struct TaskSlot {
  static constexpr std::string_view locum_type_name = "locum.task_slot";
  enum class State : std::uint64_t {
    task,  ///< a task, the object `value`; over once that is evicted
    none,  ///< no task: over
    end,   ///< no task, here or later: the queue is closed
  };

  State state = State::none;
  Key value{};

  friend bool operator==(const TaskSlot&, const TaskSlot&) = default;
};

/// Who takes the task of a number.
struct TaskClaim {
  static constexpr std::string_view locum_type_name = "locum.task_claim";

  Handle taker{};             ///< its Presence
  std::uint64_t attempt = 0;  ///< of that taker's: tells its threads apart

  friend bool operator==(const TaskClaim&, const TaskClaim&) = default;
};

/// The records of a queue of tasks, in a store of their own. Tasks have numbers; a task is an unnamed object
/// on the node of its producer. Under a number there are two records, each put by whoever is first: the
/// *slot*, put by a producer, and the *claim*, put by the one taker that waits for the slot and takes its
/// task. The line (see TaskLine) says how far the queue has come. Any thread.
///
/// 1. A number is *over* once its slot says `none`, or the value is evicted that it names. A taker evicts the
///    value when it has done the task: by that, and at that moment, the task is done. What is over stays so.
/// 2. Slots are put in the order of their numbers: a producer puts the first number that has none. (A taker
///    may put `none` ahead of that, in a slot that it has claimed.)
/// 3. Claims are put in the order of their numbers. A slot whose number is claimed by a taker that lives and
///    waits wakes that taker, and no other one.
/// 4. The head of the line grows, and passes only what is over, or noted as held. Slot and claim are evicted
///    once the head has passed them (and they are not held any more): first the head, then the records.
/// 5. A record that is put under a name which was free because of 4 counts for nothing: who puts a slot or a
///    claim reads the line *afterwards*, and evicts the record again if the number is not open.
/// 6. So a number that is open has at most one claim at any time. A claim changes hands only from a taker
///    that is lost (by replacing exactly that generation), or that has evicted it to give the task back.
/// 7. A taker that stops waiting puts `none` into its slot; if it is not the first one there, it has a task.
///    So no claim is left behind by a taker that lives, and no task is put where nobody waits for it.
/// 8. Waiting takers look after each look_interval at least whether a claim of a lower number is that of a
///    lost taker; and, once the line counts another task that was given back and after some looks at the
///    latest, whether one is missing. A lost taker's slot without a task becomes `none`, so that 7 holds
///    again.
/// 9. The end of the queue is a slot, too: producers do not pass it. Who meets it notes it in the line.
///
/// *Round trips.* Where the queue is on another node, each call here takes a few, however many numbers are
/// open: many records are read at a time, and what is monotonous is bisected. What is read at the same time
/// as the line may be older or newer than it: by 1 and 4, a number that is open was open before.
class TaskRecords : public Records {
 public:
  /// Opens the queue of that name, which belongs to a store of that name with these options; makes it, with
  /// its home on this node, if there is none.
  [[nodiscard]] static Result<TaskRecords> open(const std::shared_ptr<SessionState>& session,
                                                std::string_view store, const StoreOptions& options,
                                                std::string_view queue);

  [[nodiscard]] std::string slot_name(std::uint64_t number) const { return named("task/", number); }
  [[nodiscard]] std::string claim_name(std::uint64_t number) const { return named("claim/", number); }

  /// None: there is no record.
  [[nodiscard]] Result<std::optional<TaskSlot>> slot(std::uint64_t number) const;
  [[nodiscard]] Result<std::optional<TaskClaim>> claim(std::uint64_t number) const;
  /// The same of many numbers, in their order, in one round trip.
  [[nodiscard]] Result<std::vector<std::optional<TaskSlot>>> slots(
      const std::vector<std::uint64_t>& numbers) const;
  [[nodiscard]] Result<std::vector<std::optional<TaskClaim>>> claims(
      const std::vector<std::uint64_t>& numbers) const;
  /// Whether each of these records is there; in one round trip.
  [[nodiscard]] Result<std::vector<bool>> have(const std::vector<std::string>& records) const;
  /// The same of values. One of which it is not known counts as there.
  [[nodiscard]] std::vector<bool> are_there(const std::vector<Key>& values) const;
  /// Whether this call put it.
  [[nodiscard]] Result<bool> put_slot(std::uint64_t number, const TaskSlot& slot) const {
    return put_first(slot_name(number), slot);
  }
  /// The same of a slot that says `none`. One that comes after what clean_if_drained() has removed goes
  /// again.
  [[nodiscard]] Result<bool> put_none(std::uint64_t number) const;
  /// The same of many numbers.
  [[nodiscard]] Result<void> put_none(const std::vector<std::uint64_t>& numbers) const;
  /// Evicts slots that say `none`, if clean_if_drained() has begun, on any rank: for those that were put
  /// without put_none().
  void forget_none(const std::vector<std::uint64_t>& numbers) const;
  /// Whether it names a task that is not over, as far as known.
  [[nodiscard]] bool is_to_do(const std::optional<TaskSlot>& slot) const;

  [[nodiscard]] Result<TaskLine> line() const;
  /// The line and what `act()` returns, in one round trip more than `act` takes, or none.
  template <class Act>
  [[nodiscard]] auto beside_line(Act act) const -> std::pair<Result<TaskLine>, decltype(act())> {
    if (is_home()) {
      auto read = line();
      return {std::move(read), act()};
    }
    const auto coming = store().get_async<std::uint64_t[]>(line_);
    auto done = act();
    const auto come = coming.get();
    if (!come && come.error().code() == Errc::peer_lost) {
      return {line(), std::move(done)};
    }
    return {come ? TaskLine::from(**come) : Result<TaskLine>(come.error()), std::move(done)};
  }
  /// Replaces the line by what `change(line)` makes of it, unless that returns false; again, as long as
  /// others replace it. Returns the line in force.
  template <class Change>
  [[nodiscard]] Result<TaskLine> change_line(Change change) const {
    for (const Moment until = moment({});;) {
      const auto [line, generation] = line_and_generation();
      if (!line) {
        return line.error();
      }
      TaskLine changed = *line;
      if (!change(changed)) {
        return changed;
      }
      const auto replaced = store().replace(
          line_, changed.words(), {.codec = {}, .expected_generation = generation, .deadline = until});
      if (replaced) {
        return changed;
      }
      // One that was lost on its way may have been made. Then the change finds nothing to do, or does it
      // twice, which does no harm.
      const Errc code = replaced.error().code();
      if ((code != Errc::stale && code != Errc::peer_lost) || now() >= until) {
        return replaced.error();
      }
    }
  }

  /// Moves the head of the line over what is over, and evicts the records that it has passed. Wakes those who
  /// wait, if the queue is drained by that. Stops at that moment, after any of its steps.
  [[nodiscard]] Result<TaskLine> sweep(Moment until) const;
  /// Notes the end of the queue.
  [[nodiscard]] Result<TaskLine> note_end(std::uint64_t end) const;
  /// Wakes the taker that waits for the first slot that is not there, if there is one: it looks around.
  /// \param bound all claims known to this rank are below
  [[nodiscard]] Result<void> wake_first(std::uint64_t bound) const;
  /// Removes what a drained queue has left, except for the knowledge that it is closed.
  void clean_if_drained() const noexcept;

 private:
  TaskRecords(Store store, std::shared_ptr<SessionState> session, std::uint32_t home_rank, int home_node);

  struct LineAndGeneration {
    Result<TaskLine> line;
    std::uint64_t generation;
  };
  [[nodiscard]] LineAndGeneration line_and_generation() const;
  [[nodiscard]] std::string named(std::string_view kind, std::uint64_t number) const;
  /// Whether clean_if_drained() has begun, on any rank.
  [[nodiscard]] bool is_cleaned() const;
  static void advance(TaskLine& line, TaskSurvey& survey);
  void wake_all(std::uint64_t from) const;

  std::string line_;
};

}  // namespace locum::detail
