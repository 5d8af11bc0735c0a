#include "core/tasks/task_records.hpp"

#include <algorithm>
#include <numeric>

#include "core/tasks/task_survey.hpp"

namespace locum::detail {

namespace {

/// Where the records of a queue have their home: its first rank is the one that made it.
struct TaskHome {
  static constexpr std::string_view locum_type_name = "locum.task_home";
  static constexpr std::string_view name = "queue";

  std::uint32_t rank = 0;
  std::int32_t node = 0;
};

/// The head passes so many numbers at a time.
constexpr std::uint64_t longest_sweep = 1024;
/// A task holds the head up if half of so many tasks behind it are over.
constexpr std::uint64_t held_up = 64;
constexpr std::size_t most_held = 4096;
/// Numbers that are read together, where it is not known how many there are.
constexpr std::uint64_t numbers_a_block = 256;
/// So often a queue is cleaned up where records are left, because a call has failed at the death of a rank.
constexpr int cleanings = 4;

template <class T>
Result<std::optional<T>> value_of(const Result<View<T>>& there) {
  if (there) {
    return std::optional<T>(**there);
  }
  return there.error().code() == Errc::not_found ? Result<std::optional<T>>(std::nullopt)
                                                 : Result<std::optional<T>>(there.error());
}

template <class T>
Result<std::vector<std::optional<T>>> values_of(const std::vector<Result<View<T>>>& there) {
  std::vector<std::optional<T>> values;
  values.reserve(there.size());
  for (const auto& one : there) {
    auto value = value_of(one);
    if (!value) {
      return value.error();
    }
    values.push_back(*value);
  }
  return values;
}

template <class NameOf>
std::vector<std::string> names_of(const std::vector<std::uint64_t>& numbers, NameOf name_of) {
  std::vector<std::string> names;
  names.reserve(numbers.size());
  for (const std::uint64_t number : numbers) {
    names.push_back(name_of(number));
  }
  return names;
}

std::vector<std::uint64_t> block_from(std::uint64_t first) {
  std::vector<std::uint64_t> numbers(numbers_a_block);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

}  // namespace

TaskRecords::TaskRecords(Store store, std::shared_ptr<SessionState> session, std::uint32_t home_rank,
                         int home_node)
    : Records(std::move(store), std::move(session), home_rank, home_node), line_(near("line")) {}

// Each task is read once, so that what was decoded need not be kept.
Result<TaskRecords> TaskRecords::open(const std::shared_ptr<SessionState>& session, std::string_view store,
                                      const StoreOptions& options, std::string_view queue) {
  if (queue.empty()) {
    return Error(Errc::invalid_argument, "a queue of tasks needs a name, the same on all its ranks");
  }
  StoreOptions own = options;
  own.keep_decoded = false;
  const std::string name = std::string("locum.tasks/").append(store).append("/").append(queue);
  const auto opened = Session(session).open(name, own);
  if (!opened) {
    return opened.error();
  }
  const TaskHome mine{static_cast<std::uint32_t>(session->options().rank), session->options().node};
  const auto made = repeated([&] { return opened->put(TaskHome::name, mine); });
  if (!made && made.error().code() != Errc::key_exists) {
    return made.error();
  }
  const auto home = repeated([&] { return opened->get<TaskHome>(TaskHome::name); });
  if (!home) {
    return home.error();
  }
  TaskRecords records(*opened, session, (*home)->rank, (*home)->node);
  if (const auto put = records.put(records.line_, TaskLine{}.words(), records.moment({})); !put) {
    return put.error();
  }
  return records;
}

std::string TaskRecords::named(std::string_view kind, std::uint64_t number) const {
  std::string stem(kind);
  append_number(stem, number);
  return near(std::move(stem));
}

Result<std::optional<TaskSlot>> TaskRecords::slot(std::uint64_t number) const {
  return value_of(repeated([&] { return store().get<TaskSlot>(slot_name(number)); }));
}

Result<std::optional<TaskClaim>> TaskRecords::claim(std::uint64_t number) const {
  return value_of(repeated([&] { return store().get<TaskClaim>(claim_name(number)); }));
}

Result<std::vector<std::optional<TaskSlot>>> TaskRecords::slots(
    const std::vector<std::uint64_t>& numbers) const {
  const auto names = names_of(numbers, [this](std::uint64_t number) { return slot_name(number); });
  return repeated([&] { return values_of(store().get_batch<TaskSlot>(names)); });
}

Result<std::vector<std::optional<TaskClaim>>> TaskRecords::claims(
    const std::vector<std::uint64_t>& numbers) const {
  const auto names = names_of(numbers, [this](std::uint64_t number) { return claim_name(number); });
  return repeated([&] { return values_of(store().get_batch<TaskClaim>(names)); });
}

Result<std::vector<bool>> TaskRecords::have(const std::vector<std::string>& records) const {
  return repeated([&]() -> Result<std::vector<bool>> {
    std::vector<bool> all;
    all.reserve(records.size());
    for (const auto& one : store().exists_batch(records)) {
      if (!one) {
        return one.error();
      }
      all.push_back(*one);
    }
    return all;
  });
}

std::vector<bool> TaskRecords::are_there(const std::vector<Key>& values) const {
  std::vector<bool> all;
  (void)repeated([&]() -> Result<void> {
    all.clear();
    Result<void> known;
    for (const auto& one : store().exists_batch(values)) {
      all.push_back(!one || *one);
      known = one ? std::move(known) : Result<void>(one.error());
    }
    return known;
  });
  return all;
}

Result<bool> TaskRecords::put_none(std::uint64_t number) const {
  auto put = put_slot(number, {});
  if (put && *put && is_cleaned()) {
    (void)store().evict(slot_name(number));
  }
  return put;
}

Result<void> TaskRecords::put_none(const std::vector<std::uint64_t>& numbers) const {
  std::vector<std::pair<std::string, TaskSlot>> records;
  records.reserve(numbers.size());
  for (const std::uint64_t number : numbers) {
    records.emplace_back(slot_name(number), TaskSlot());
  }
  auto put = repeated([&]() -> Result<void> {
    for (const auto& one : store().put_batch(records)) {
      if (!one && one.error().code() != Errc::key_exists) {
        return one.error();
      }
    }
    return {};
  });
  forget_none(numbers);
  return put;
}

void TaskRecords::forget_none(const std::vector<std::uint64_t>& numbers) const {
  if (!numbers.empty() && is_cleaned()) {
    (void)store().evict_batch(names_of(numbers, [this](std::uint64_t number) { return slot_name(number); }));
  }
}

bool TaskRecords::is_cleaned() const {
  const auto now = line();
  return now && now->is_drained() && !has(slot_name(now->end));
}

bool TaskRecords::is_to_do(const std::optional<TaskSlot>& slot) const {
  if (!slot || slot->state != TaskSlot::State::task) {
    return false;
  }
  const auto there = repeated([&] { return store().exists(slot->value); });
  return !there || *there;
}

Result<TaskLine> TaskRecords::line() const {
  const auto there = repeated([&] { return store().get<std::uint64_t[]>(line_); });
  return there ? TaskLine::from(**there) : Result<TaskLine>(there.error());
}

// The generation is asked for first: if the line is replaced after that, the next replacement is refused.
TaskRecords::LineAndGeneration TaskRecords::line_and_generation() const {
  const auto info = repeated([&] { return store().info(line_); });
  if (!info) {
    return {info.error(), 0};
  }
  return {line(), info->generation != 0 ? info->generation : ~std::uint64_t{0}};
}

void TaskRecords::advance(TaskLine& line, TaskSurvey& survey) {
  // A task holds the head up with many behind it that are over.
  const auto holds_up = [&survey](std::uint64_t number) {
    std::uint64_t over = 0;
    for (std::uint64_t behind = 1; behind <= held_up && over < held_up / 2; ++behind) {
      over += survey.is_over(number + behind) ? 1 : 0;
    }
    return over == held_up / 2;
  };
  const std::uint64_t limit = std::min(line.end, line.head + longest_sweep);
  for (; line.head < limit; ++line.head) {
    if (survey.is_over(line.head)) {
      continue;
    }
    if (line.held.size() >= most_held || !survey.is_to_do(line.head) || !holds_up(line.head)) {
      return;
    }
    line.held.push_back(line.head);
  }
}

// If a rank dies here before it has evicted the records, or stops, the line says so to the next one.
Result<TaskLine> TaskRecords::sweep(Moment until) const {
  TaskSurvey survey(*this, until);
  std::vector<std::uint64_t> done;
  TaskLine before;
  bool changed = false;
  auto line = change_line([&](TaskLine& next) {
    before = next;
    done.clear();
    survey.read(next.held);
    std::erase_if(next.held, [&](std::uint64_t number) {
      return survey.is_over(number) && (done.push_back(number), true);
    });
    advance(next, survey);
    changed = now() < until && (next.head != before.head || !done.empty());
    return changed;
  });
  if (!line || (!changed && line->swept == line->head) || now() >= until) {
    return line;
  }
  std::vector<std::string> names;
  for (std::uint64_t number = before.swept; number < line->head; ++number) {
    if (!line->is_open(number)) {
      done.push_back(number);
    }
  }
  for (const std::uint64_t number : done) {
    names.push_back(slot_name(number));
    names.push_back(claim_name(number));
  }
  (void)store().evict_batch(names);
  if (now() >= until) {
    return line;
  }
  const auto noted = change_line([head = line->head](TaskLine& next) {
    const bool is_new = next.swept < head;
    next.swept = std::max(next.swept, head);
    return is_new;
  });
  if (line->is_drained()) {
    wake_all(line->end + 1);
  }
  return noted ? line : Result<TaskLine>(noted.error());
}

Result<TaskLine> TaskRecords::note_end(std::uint64_t end) const {
  return change_line([end](TaskLine& line) {
    const bool is_new = !line.is_closed();
    line.end = is_new ? end : line.end;
    return is_new;
  });
}

// All numbers below `filled` have slots.
Result<void> TaskRecords::wake_first(std::uint64_t bound) const {
  const auto now = line();
  if (!now) {
    return now.error();
  }
  for (std::uint64_t first = std::max(now->head, now->filled);; first += numbers_a_block) {
    std::vector<std::string> names;
    for (std::uint64_t number = first; number < first + numbers_a_block; ++number) {
      names.push_back(claim_name(number));
      names.push_back(slot_name(number));
    }
    const auto there = have(names);
    if (!there) {
      return there.error();
    }
    for (std::uint64_t at = 0; at < numbers_a_block; ++at) {
      const bool is_claimed = (*there)[2 * at];
      if (!is_claimed && first + at >= bound) {
        return {};
      }
      if (is_claimed && !(*there)[2 * at + 1]) {
        const auto put = put_none(first + at);
        return put ? Result<void>() : Result<void>(put.error());
      }
    }
  }
}

void TaskRecords::wake_all(std::uint64_t from) const {
  for (std::uint64_t first = from;; first += numbers_a_block) {
    std::vector<std::uint64_t> numbers = block_from(first);
    const auto there = have(names_of(numbers, [this](std::uint64_t number) { return claim_name(number); }));
    if (!there) {
      return;
    }
    numbers.resize(static_cast<std::size_t>(std::ranges::find(*there, false) - there->begin()));
    (void)put_none(numbers);
    if (numbers.size() < numbers_a_block) {
      return;
    }
  }
}

// Who evicts the end of the queue cleans up. Others that put a record look afterwards whether the end is
// there: if it is, the record is in the list made here; if not, they evict the record.
void TaskRecords::clean_if_drained() const noexcept {
  const auto now = line();
  if (!now || !now->is_drained()) {
    return;
  }
  const auto first = store().evict(slot_name(now->end));
  if (!first || !*first) {
    return;
  }
  for (int again = 0; again < cleanings; ++again) {
    auto names = store().keys();
    if (!names) {
      continue;
    }
    std::erase_if(*names, [this](const std::string& one) { return one == line_ || one == TaskHome::name; });
    if (names->empty()) {
      return;
    }
    (void)store().evict_batch(*names);
  }
}

}  // namespace locum::detail
