// Ranks of several hosts use each other's objects in all ways at once, as a seed says, while trouble.sh makes
// trouble with hosts. Whoever reads a value knows from its key, name or number what it has to be, and each
// error has to be one that this trouble allows:
//
//   lossless  none, however long a call takes
//   cut       the victim's host and the others lose each other: `peer_lost`, in time, from calls that need
//             the other side, and from no others
//   stopped   the same; the victims continue after they were lost
//   killed    the same, without the victims
//
// usage: PROGRAM TROUBLE SEED VICTIM_HOST RANKS_PER_HOST; hosts are counted from 0. Ranks tell each other
// what there is by memory that all hosts see, the file LOCUM_TEST_SHARED.
#include <mpi.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/promise.hpp"
#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "core/task_queue.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/cluster/said.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/mpi/survivor.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Word = std::uint64_t;
using Words = std::vector<Word>;
using locum::Errc;
using locum::Error;
using locum::tests::expect;
using locum::tests::failures;
using locum::tests::longest_call;
using locum::tests::rank_of_this;
using locum::tests::said;
using locum::tests::setting;
using locum::tests::timed;

constexpr std::size_t most_ranks = 8;
constexpr std::size_t most_tasks = 900;  // of each rank
constexpr Word kept = 4;                 // so many objects of a rank exist at a time
constexpr auto timeout = 30s;
// For a machine with more ranks than cores; and for one slowed down by a sanitizer.
constexpr auto slack = locum::tests::sanitized ? 20s : 10s;

enum class Kind : std::uint8_t { object, promised, latest, task, step };

/// A handle for other ranks. The number changes with it.
struct Slot {
  std::atomic<Word> number;  ///< of the object, from 1; 0: none
  std::array<std::atomic<Word>, sizeof(locum::Handle) / sizeof(Word)> handle;

  void set(Word of, const locum::Handle& what) {
    const auto words = std::bit_cast<std::array<Word, sizeof what / sizeof(Word)>>(what);
    number.store(0);
    for (std::size_t at = 0; at < words.size(); ++at) {
      handle[at].store(words[at]);
    }
    number.store(of);
  }
  [[nodiscard]] std::optional<std::pair<Word, locum::Handle>> get() const {
    std::array<Word, sizeof(locum::Handle) / sizeof(Word)> words{};
    const Word before = number.load();
    for (std::size_t at = 0; at < words.size(); ++at) {
      words[at] = handle[at].load();
    }
    if (before == 0 || number.load() != before) {
      return std::nullopt;
    }
    return std::pair(before, std::bit_cast<locum::Handle>(words));
  }
};

/// What a rank tells the others. The script reads the first two words.
struct alignas(64) Rank {
  std::atomic<Word> rounds;
  std::atomic<Word> lost;           ///< so many of the other side's ranks are lost to this one
  std::atomic<bool> done;           ///< it needs nobody any more
  std::atomic<Word> gone;           ///< its objects up to that number may have been evicted
  std::atomic<Word> promises_gone;  ///< the same of its promises' values
  std::atomic<Word> latest;         ///< names that it has given up << 32 | last value of its present one
  std::atomic<Word> begun;          ///< the same, of the value that it is replacing this one by
  std::atomic<Word> added;          ///< to the counter of all ranks
  std::atomic<Word> tasks;          ///< so many it has put, or tried to
  std::array<Slot, kept> objects;
  Slot promise;
  std::array<std::atomic<std::int64_t>, most_tasks> task_done;  ///< when, in ns; 0: not
};
using Board = std::array<Rank, most_ranks>;

static_assert(sizeof(Rank) == 7680, "trouble.sh reads the board");

struct Trouble {
  std::string_view name;
  Word seed;
  int victim_host;
  int ranks_per_host;

  [[nodiscard]] bool lossless() const { return name == "lossless"; }
  [[nodiscard]] int host(int rank) const { return rank / ranks_per_host; }
  [[nodiscard]] bool is_victim(int rank) const { return host(rank) == victim_host; }
  /// Whether that rank is lost to this one when the trouble is over.
  [[nodiscard]] bool is_far(int rank) const {
    return !lossless() && is_victim(rank) != is_victim(rank_of_this);
  }
};

/// All ranks of a job, from the point of view of this one.
class Worker {
 public:
  Worker(locum::Runtime& runtime, Board& board, const Trouble& trouble)
      : runtime_(runtime),
        board_(board),
        own_(board[static_cast<std::size_t>(rank_of_this)]),
        trouble_(trouble),
        store_(runtime.store("trouble", {.checksum = trouble.seed % 2 == 0})),
        random_(trouble.seed * 64 + static_cast<Word>(rank_of_this)) {
    for (int rank = 0; rank < runtime.size(); ++rank) {  // the queue is on the first host
      if (rank == rank_of_this) {
        tasks_.emplace(store_, "tasks");
      }
      MPI_Barrier(MPI_COMM_WORLD);
    }
    // The first rank of each host writes a stream, which the last one of the next host reads.
    const int hosts = runtime.size() / trouble.ranks_per_host;
    const int place = rank_of_this % trouble.ranks_per_host;
    if (place == 0) {
      writer_.emplace(runtime, stream_of(rank_of_this), MPI_COMM_SELF,
                      locum::StepWriterOptions{.queue_steps = 3, .when_full = locum::WhenFull::fail});
    } else if (place == trouble.ranks_per_host - 1) {
      written_by_ = (trouble.host(rank_of_this) + hosts - 1) % hosts * trouble.ranks_per_host;
      reader_.emplace(runtime, stream_of(written_by_), MPI_COMM_SELF);
    }
    for (int rank = 0; rank < runtime.size(); ++rank) {
      latest_.push_back(0);
      expected_ += trouble.is_far(rank) ? 1U : 0U;
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }

  void round() {
    put();
    replace();
    promise();
    for (int read = 0; read < 6; ++read) {
      const int rank = any_rank();
      switch (pick(5)) {
        case 0:
          get_by_name(rank);
          break;
        case 1:
          get_latest(rank);
          break;
        case 2:
          ahead();
          break;
        default:
          get_by_handle(rank, pick(3));
          break;
      }
    }
    await(any_rank());
    add();
    task();
    step();
    ++own_.rounds;
    look_around();
  }

  /// After the last round, without trouble: all that was begun has to end well. Collective.
  void complete() {
    finish_promises();
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank_of_this == 0) {
      const auto closed = tasks_->close();
      expect(closed.has_value(), "the queue cannot be closed");
      Word added = 0;
      for (const Rank& rank : board_) {
        added += rank.added;
      }
      const auto sum = store_.get<std::int64_t>("counter");
      expect(sum && static_cast<Word>(**sum) == added,
             "the counter is " + (sum ? std::to_string(**sum) : std::string(sum.error().what())) +
                 ", and not " + std::to_string(added));
    }
    while (take(timeout)) {
    }
    MPI_Barrier(MPI_COMM_WORLD);  // whoever has finished the last task notes it after the queue's end is seen
    for (std::size_t task = 0; task < own_.tasks.load(); ++task) {
      expect(own_.task_done[task] != 0, "task " + std::to_string(task) + " was not done");
    }
    if (writer_) {
      const auto closed = writer_->close({.deadline = timeout});
      expect(closed.has_value(), "the stream does not end: " + text_of(closed));
    }
    while (reader_ && next(timeout)) {
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }

  /// This rank needs the others no more; and until they do not need this one.
  void leave() {
    finish_promises();
    own_.done = true;
    for (int rank = 0; rank < runtime_.size(); ++rank) {
      locum::tests::wait_until([&] { return trouble_.is_far(rank) || of(rank).done.load(); });
    }
    const bool bounded = trouble_.name != "stopped" || !trouble_.is_victim(rank_of_this);
    const auto bound = runtime_.options().peer_timeout * 6 / 5 + slack;
    expect(!bounded || longest_call <= bound,
           "a call lasted " + std::to_string(longest_call.count()) + " ms");
    expect(!bounded || learned_ <= 2 * bound,
           "it took " + std::to_string(learned_.count()) + " ms to learn of the loss of all");
    expect(own_.lost == expected_, "only " + std::to_string(own_.lost) + " are known to be lost");
  }

  void print() const {
    Word all = 0;
    std::string errors;
    for (const auto& [call, count] : counts_) {
      all += count;
    }
    for (const auto& [error, count] : errors_) {
      errors += ' ' + error + '=' + std::to_string(count);
    }
    std::printf(
        "rank %d: %d failures, %d wrong values, %llu operations, %llu rounds, longest call %d ms (%s), "
        "%llu lost after %d ms, errors:%s\n",
        rank_of_this, failures, wrong_, static_cast<unsigned long long>(all),
        static_cast<unsigned long long>(own_.rounds), static_cast<int>(longest_call.count()), longest_name_,
        static_cast<unsigned long long>(own_.lost), static_cast<int>(learned_.count()),
        errors.empty() ? " none" : errors.c_str());
    std::string calls;
    for (const auto& [call, count] : counts_) {
      calls += ' ' + call + '=' + std::to_string(count);
    }
    std::printf("calls of rank %d:%s\n", rank_of_this, calls.c_str());
    std::fflush(stdout);
  }

 private:
  static constexpr int anybody = -1;

  [[nodiscard]] Word pick(Word below) { return random_() % below; }
  [[nodiscard]] int any_rank() { return static_cast<int>(pick(static_cast<Word>(runtime_.size()))); }
  [[nodiscard]] Rank& of(int rank) { return board_[static_cast<std::size_t>(rank)]; }
  static std::string stream_of(int rank) { return "steps of " + std::to_string(rank); }
  static std::string name_of(int rank, Word number) {
    return "object " + std::to_string(number) + " of " + std::to_string(rank);
  }
  static std::string latest_of(int rank, Word given_up) {
    return "latest of " + std::to_string(rank) + '/' + std::to_string(given_up);
  }
  template <class Outcome>
  static std::string text_of(const Outcome& outcome) {
    return outcome ? "" : outcome.error().what();
  }

  /// What there has to be: of a size, and with words, that follow from these.
  [[nodiscard]] Words content(Kind kind, int rank, Word number) const {
    const auto next = [state = (trouble_.seed << 24U) ^ (number << 8U) ^ (Word(rank) << 4U) ^
                               static_cast<Word>(kind)]() mutable {  // splitmix64
      Word word = state += 0x9e3779b97f4a7c15U;
      word = (word ^ (word >> 30U)) * 0xbf58476d1ce4e5b9U;
      word = (word ^ (word >> 27U)) * 0x94d049bb133111ebU;
      return word ^ (word >> 31U);
    };
    auto words = next;
    const Word size = words() % 16 == 0  ? 40'000 + words() % 60'000  // a transfer of its own
                      : words() % 4 == 0 ? 1000 + words() % 9000
                                         : 4 + words() % 100;
    Words value(size);
    std::generate(value.begin(), value.end(), words);
    value[0] = number;
    return value;
  }
  void check(std::span<const Word> value, Kind kind, int rank, Word number, const char* call) {
    const Words right = content(kind, rank, number);
    if (!std::equal(value.begin(), value.end(), right.begin(), right.end())) {
      ++wrong_;
      expect(false, std::string(call) + ": wrong value " + std::to_string(number) + " of rank " +
                        std::to_string(rank));
    }
  }

  /// Counts a call, and what it says. Of an error: that it is allowed where `peer` is needed; or `also`.
  template <class Call>
  auto made(const char* name, int peer, Call call, std::initializer_list<Errc> also = {}) {
    const auto longest_before = longest_call;
    auto outcome = timed(call);
    if (longest_call > longest_before) {
      longest_name_ = name;
    }
    ++counts_[name];
    if (!outcome) {
      const Error& error = outcome.error();
      ++errors_[name + ('.' + std::string(to_string(error.code())))];
      const bool concerns =
          (peer == anybody || trouble_.is_far(peer)) &&
          (error.rank() < 0 || error.rank() == rank_of_this || trouble_.is_far(error.rank()));
      const bool by_trouble =
          !trouble_.lossless() && said("trouble") && concerns &&
          (error.code() == Errc::peer_lost ||
           (error.code() == Errc::timeout && trouble_.name == "stopped" && trouble_.is_victim(rank_of_this)));
      expect(by_trouble || std::find(also.begin(), also.end(), error.code()) != also.end(),
             std::string(name) + " of rank " + std::to_string(peer) + ": " + error.what() + " (rank " +
                 std::to_string(error.rank()) + ')');
    }
    return outcome;
  }
  template <class Outcome>
  [[nodiscard]] static bool is(const Outcome& outcome, Errc code) {
    return !outcome && outcome.error().code() == code;
  }

  void put() {
    const Word number = ++objects_;
    const Words value = content(Kind::object, rank_of_this, number);
    const auto proxy = number % 2 == 0 ? made("put", rank_of_this, [&] { return store_.put_proxy(value); })
                                       : made("put_named", anybody, [&] {
                                           return store_.put_proxy(name_of(rank_of_this, number), value);
                                         });
    own_.gone = number > kept ? number - kept : 0;
    Slot& slot = own_.objects[number % kept];
    if (const auto old = slot.get()) {  // other ranks may still read it
      const auto name = name_of(rank_of_this, old->first);
      const bool by_name = old->first % 2 == 1 && pick(2) == 0;
      slot.number = 0;
      (void)made("evict", anybody,
                 [&] { return by_name ? store_.evict(name) : store_.evict(old->second.key); });
    }
    if (proxy) {
      slot.set(number, proxy->handle());
    }
  }

  /// An object of a rank, where there is one that this rank can know of.
  [[nodiscard]] std::optional<std::pair<Word, locum::Handle>> object_of(int rank) {
    return of(rank).objects[pick(kept)].get();
  }
  /// `view`: of that object. It may be missing if its rank has begun to evict it.
  template <class Outcome>
  void got(const char* call, const Outcome& view, int rank, Word number) {
    if (view) {
      check({view->begin(), view->end()}, Kind::object, rank, number, call);
    } else if (is(view, Errc::not_found)) {
      expect(of(rank).gone >= number, std::string(call) + ": object " + std::to_string(number) + " of rank " +
                                          std::to_string(rank) + " is not found");
    }
  }
  /// Who is needed for an object: of a handle whose object is gone, the home of its name as well.
  [[nodiscard]] int needed_for(int rank, Word number) {
    return number % 2 == 1 && of(rank).gone >= number ? anybody : rank;
  }
  void get_by_handle(int rank, Word how) {
    const auto object = object_of(rank);
    if (!object) {
      return;
    }
    const auto& [number, handle] = *object;
    switch (how) {
      case 0: {
        const auto view =
            made("get", rank, [&] { return store_.get<Word[]>(handle.key); }, {Errc::not_found});
        return got("get", view, rank, number);
      }
      case 1: {
        const auto proxy = runtime_.proxy<Word[]>(handle);
        const auto view = made("proxy", anybody, [&] { return proxy.get(); }, {Errc::not_found});
        expect(!is(view, Errc::peer_lost) || trouble_.is_far(rank) || needed_for(rank, number) == anybody,
               "a proxy of a rank that is there: " + text_of(view));
        return got("proxy", view, rank, number);
      }
      default: {
        auto future = store_.get_async<Word[]>(handle.key);
        const auto view = made("get_async", rank, [&] { return future.get(); }, {Errc::not_found});
        return got("get_async", view, rank, number);
      }
    }
  }
  void get_by_name(int rank) {
    const auto object = object_of(rank);
    if (!object || object->first % 2 == 0) {
      return;
    }
    const auto view =
        made("get_named", anybody, [&] { return store_.get<Word[]>(name_of(rank, object->first)); },
             {Errc::not_found});
    got("get_named", view, rank, object->first);
  }
  /// Several objects are fetched ahead, and used then.
  void ahead() {
    struct Wanted {
      locum::Proxy<Word[]> proxy;
      int rank;
      Word number;
    };
    std::vector<Wanted> wanted;
    for (int rank = 0; rank < runtime_.size(); ++rank) {
      if (const auto object = object_of(rank)) {
        wanted.push_back({runtime_.proxy<Word[]>(object->second), rank, object->first});
        wanted.back().proxy.prefetch();
      }
    }
    for (const auto& [proxy, rank, number] : wanted) {
      const auto view = made("prefetch", anybody, [&] { return proxy.get(); }, {Errc::not_found});
      expect(!is(view, Errc::peer_lost) || trouble_.is_far(rank) || needed_for(rank, number) == anybody,
             "a prefetch of a rank that is there: " + text_of(view));
      got("prefetch", view, rank, number);
    }
  }

  /// Replaces this rank's name. Where that has failed it may still happen: the name is given up.
  void replace() {
    const Word next = own_.latest + 1;
    own_.begun = next;
    const auto name = latest_of(rank_of_this, next >> 32U);
    const auto value = content(Kind::latest, rank_of_this, next);
    if (made("replace", anybody, [&] { return store_.replace(name, value); })) {
      own_.latest = next;
    } else {
      own_.latest = ((next >> 32U) + 1) << 32U;
    }
  }
  void get_latest(int rank) {
    const Word before = of(rank).latest;
    if (static_cast<std::uint32_t>(before) == 0) {
      return;
    }
    const auto name = latest_of(rank, before >> 32U);
    const auto view = made("get_latest", anybody, [&] { return store_.get<Word[]>(name); });
    if (!view) {
      return;
    }
    const Word number = (*view)[0];
    const Word begun = of(rank).begun;
    check({view->begin(), view->end()}, Kind::latest, rank, number, "get_latest");
    Word& seen = latest_[static_cast<std::size_t>(rank)];
    expect(number >= before && number >= seen && number <= begun,
           "get_latest of rank " + std::to_string(rank) + ": " + std::to_string(number) + " after " +
               std::to_string(std::max(before, seen)) + ", before " + std::to_string(begun));
    seen = number;
  }

  /// Makes a promise, or sets the one that it has made, rounds later.
  void promise() {
    if (promise_) {
      if (pick(3) == 0) {
        set_promise();
      }
      return;
    }
    auto promised = made("promise", rank_of_this, [&] { return store_.promise<Word[]>(); });
    if (promised) {
      promise_.emplace(std::move(*promised));
      own_.promise.set(++promises_, promise_->proxy().handle());
    }
  }
  void set_promise() {
    const auto value = content(Kind::promised, rank_of_this, promises_);
    const auto key = made("set", anybody, [&] { return promise_->set(value); });
    if (key) {
      values_.push_back(*key);
    }
    if (values_.size() > kept) {
      own_.promises_gone = promises_ - kept;
      (void)made("evict", anybody, [&] { return store_.evict(values_.front()); });
      values_.erase(values_.begin());
    }
    promise_.reset();
  }
  void finish_promises() {
    if (promise_) {
      set_promise();
    }
  }
  /// Waits for a promise of that rank, without stopping; those for which it has waited have to be right.
  void await(int rank) {
    if (const auto promised = of(rank).promise.get(); promised && awaited_.size() < 8) {
      awaited_.push_back({runtime_.proxy<Word[]>(promised->second), rank, promised->first});
      awaited_.back().proxy.prefetch();
    }
    std::erase_if(awaited_, [&](const Awaited& one) {
      if (!one.proxy.ready()) {
        return false;
      }
      const auto view = made("await", one.rank, [&] { return one.proxy.get(); }, {Errc::not_found});
      if (view) {
        check({view->begin(), view->end()}, Kind::promised, one.rank, one.number, "await");
      } else if (is(view, Errc::not_found)) {
        expect(of(one.rank).promises_gone >= one.number, "a promised value is not found");
      }
      return true;
    });
  }

  void add() {
    if (made("fetch_add", anybody, [&] { return store_.fetch_add("counter", 1); })) {
      ++own_.added;
    }
  }

  /// Puts a task, or takes one that anybody has put, which nobody may have done before. Each now and then: a
  /// take that finds none uses up a number, and a taker that is 20 ms away passes one number a round trip.
  void task() {
    if (const Word number = own_.tasks; number < most_tasks && pick(4) == 0) {
      own_.tasks = number + 1;
      auto value = content(Kind::task, rank_of_this, number);
      value.insert(value.begin(), static_cast<Word>(rank_of_this));
      (void)made("put_task", anybody, [&] { return tasks_->put(value); });
    }
    if (pick(4) == 0) {
      (void)take(5ms);
    }
  }
  [[nodiscard]] bool take(std::chrono::milliseconds limit) {
    const auto began = Clock::now().time_since_epoch().count();
    auto task = made(
        "take", anybody, [&] { return tasks_->take(limit); },
        limit == timeout ? std::initializer_list<Errc>{Errc::end_of_stream}
                         : std::initializer_list<Errc>{Errc::timeout});
    if (!task) {
      return false;
    }
    const std::span<const Word> value(task->view().begin(), task->view().end());
    const auto rank = static_cast<int>(value[0]);
    const Word number = value[1];
    if (rank < 0 || rank >= runtime_.size() || number >= most_tasks) {
      ++wrong_;
      expect(false, "a task of nobody");
      return true;
    }
    check(value.subspan(1), Kind::task, rank, number, "take");
    auto& done_at = of(rank).task_done[number];
    const std::int64_t before = done_at;
    expect(before == 0 || before > began, "task " + std::to_string(number) + " of rank " +
                                              std::to_string(rank) + " was done before it was taken");
    if (made("done", anybody, [&] { return task->done(); })) {
      done_at = Clock::now().time_since_epoch().count();
    }
    return true;
  }

  /// Writes a step, or reads the next one.
  void step() {
    if (writer_) {
      auto step =
          made("begin", anybody, [&] { return writer_->begin({.deadline = timeout}); }, {Errc::queue_full});
      if (!step) {
        stop_stream_at(step);
        return;
      }
      (void)step->put("V", content(Kind::step, rank_of_this, steps_));
      const auto ended = made("end", anybody, [&] { return step->end({.deadline = timeout}); });
      steps_ += ended ? 1U : 0U;
      stop_stream_at(ended);
    } else if (reader_) {
      (void)next(5ms);
    }
  }
  [[nodiscard]] bool next(std::chrono::milliseconds limit) {
    const auto step = made(
        "next", anybody, [&] { return reader_->next(limit); },
        limit == timeout ? std::initializer_list<Errc>{Errc::end_of_stream}
                         : std::initializer_list<Errc>{Errc::timeout});
    if (!step) {
      stop_stream_at(step);
      return false;
    }
    // Before this rank has joined, steps may have been dropped.
    expect(step->number() == steps_ || steps_ == 0,
           "step " + std::to_string(step->number()) + " came instead of " + std::to_string(steps_));
    const auto value = made("read", anybody, [&] { return step->get<Word[]>("V"); });
    if (value) {
      check({value->begin(), value->end()}, Kind::step, written_by_, step->number(), "read");
    }
    steps_ = step->number() + 1;
    return true;
  }
  /// A stream of which a rank is lost has no further steps. Its ends stay until the rank ends, since closing
  /// would wait for the others.
  template <class Outcome>
  void stop_stream_at(const Outcome& outcome) {
    if (is(outcome, Errc::peer_lost) || is(outcome, Errc::end_of_stream)) {
      kept_writer_ = std::move(writer_);
      kept_reader_ = std::move(reader_);
      writer_.reset();
      reader_.reset();
    }
  }

  /// Who is lost: nobody but the other side.
  void look_around() {
    const auto lost = runtime_.lost_ranks();
    for (const int rank : lost) {
      if (!trouble_.is_far(rank) && failures < 20) {
        expect(false, "rank " + std::to_string(rank) + " is taken for lost");
      }
    }
    if (own_.lost != expected_ && lost.size() == expected_) {
      learned_ = said("trouble").value_or(0ms);
    }
    own_.lost = lost.size();
  }

  struct Awaited {
    locum::Proxy<Word[]> proxy;
    int rank;
    Word number;
  };

  locum::Runtime& runtime_;
  Board& board_;
  Rank& own_;
  Trouble trouble_;
  locum::Store store_;
  std::mt19937_64 random_;
  std::optional<locum::TaskQueue<Word[]>> tasks_;
  std::optional<locum::StepWriter> writer_, kept_writer_;
  std::optional<locum::StepReader> reader_, kept_reader_;
  int written_by_ = -1;
  Word steps_ = 0;
  Word objects_ = 0;
  Word promises_ = 0;
  std::optional<locum::Promise<Word[]>> promise_;
  std::vector<locum::Key> values_;  ///< of promises
  std::vector<Awaited> awaited_;
  std::vector<Word> latest_;  ///< last value seen of each rank's name
  Word expected_ = 0;         ///< so many are lost in the end
  std::chrono::milliseconds learned_{0};
  int wrong_ = 0;
  const char* longest_name_ = "none";
  std::map<std::string, Word> counts_;
  std::map<std::string, Word> errors_;
};

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_of_this);
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s TROUBLE SEED VICTIM_HOST RANKS_PER_HOST\n", argv[0]);
    return 2;
  }
  const Trouble trouble{argv[1], std::strtoull(argv[2], nullptr, 10), std::atoi(argv[3]), std::atoi(argv[4])};
  auto& board = locum::tests::shared_memory<Board>();
  {
    locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{192} << 20U, .timeout = timeout});
    Worker worker(runtime, board, trouble);
    while (!said("stop") && failures < 20) {
      worker.round();
    }
    if (trouble.lossless()) {
      worker.complete();
    }
    worker.leave();
    worker.print();
    if (!trouble.lossless() || failures != 0) {  // MPI_Finalize may wait for the lost for ever
      runtime.close();
      std::_Exit(failures == 0 ? 0 : 1);
    }
  }
  MPI_Finalize();
  return 0;
}
