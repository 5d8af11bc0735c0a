#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include <locum/deadline.hpp>
#include <locum/detail/base/thread_lane.hpp>
#include <locum/path.hpp>

namespace locum {

/// Histogram of times: four counts for each power of two of nanoseconds. Any thread may add and read, without
/// a lock; a concurrent read may miss the last ones.
class TimeHistogram {
 public:
  void add(std::chrono::nanoseconds time) noexcept {
    times_[bucket_of(time.count() < 0 ? 0 : static_cast<std::uint64_t>(time.count()))].fetch_add(
        1, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t count() const noexcept;
  /// Returns the time that this share of all did not exceed, at most a quarter too long: 0.5 gives the
  /// median; 0.99 of a hundred times gives the last but one. 0 if there are none.
  [[nodiscard]] std::chrono::nanoseconds quantile(double share) const noexcept;

 private:
  static constexpr std::size_t buckets = 252;
  static std::size_t bucket_of(std::uint64_t ns) noexcept {
    if (ns < 4) {
      return ns;
    }
    const auto power = static_cast<unsigned>(std::bit_width(ns)) - 1;
    return (power - 1) * 4 + ((ns >> (power - 2)) & 3U);
  }
  static std::uint64_t longest_in(std::size_t bucket) noexcept {
    return bucket < 4 ? bucket : ((5 + bucket % 4) << (bucket / 4 - 1)) - 1;
  }

  std::array<std::atomic<std::uint64_t>, buckets> times_{};
};

/// Counters of one rank's runtime, with its stores over backends, or of a session: completed operations and
/// bytes, by path. Any thread may count and read at any time; a read includes everything that happened before
/// it. Tests assert them. Each thread adds to the words of its own lane: an atomic read-modify-write would
/// cost a sixth of a look-up by key, and most operations count two.
class Metrics {
  static constexpr std::size_t word_count = 4 * path_count + 9;
  using Word = std::atomic<std::uint64_t>;
  struct alignas(64) Lane {
    std::array<Word, word_count> words{};
  };
  using Lanes = std::array<Lane, detail::shared_lane + 1>;

 public:
  /// A sum over all threads; converts to a number.
  class Counter {
   public:
    operator std::uint64_t() const noexcept { return load(); }
    [[nodiscard]] std::uint64_t load() const noexcept {
      std::uint64_t sum = 0;
      for (const Lane& lane : *lanes_) {
        sum += lane.words[word_].load(std::memory_order_relaxed);
      }
      return sum;
    }

   private:
    friend class Metrics;
    Counter(Lanes& lanes, std::size_t word) noexcept : lanes_(&lanes), word_(word) {}

    Lanes* lanes_;
    std::size_t word_;
  };

  /// Operations and bytes by one path.
  struct Traffic {
    Counter operations;
    Counter bytes;
  };

  Metrics() : Metrics(std::make_index_sequence<path_count>()) {}
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void count_read(Path path, std::uint64_t bytes) noexcept {
    count(2 * static_cast<std::size_t>(path), bytes);
  }
  void count_write(Path path, std::uint64_t bytes) noexcept {
    count(2 * (path_count + static_cast<std::size_t>(path)), bytes);
  }
  /// Counts the time of a call that moved an object by `path`. Not called for objects that stay in the memory
  /// of the node, where reading a clock would take as long as the operation.
  void time_read(Path path, std::chrono::nanoseconds time) noexcept {
    read_times[static_cast<std::size_t>(path)].add(time);
  }
  void time_write(Path path, std::chrono::nanoseconds time) noexcept {
    write_times[static_cast<std::size_t>(path)].add(time);
  }
  static void add(const Counter& counter, std::uint64_t amount) noexcept {
    const std::uint32_t lane = detail::thread_lane();
    add((*counter.lanes_)[lane].words[counter.word_], amount, lane);
  }
  static void increment(const Counter& counter) noexcept { add(counter, 1); }

 private:
  template <std::size_t... path>
  explicit Metrics(std::index_sequence<path...>)
      : reads{traffic(2 * path)...}, writes{traffic(2 * (path_count + path))...} {}
  [[nodiscard]] Traffic traffic(std::size_t word) noexcept { return {{lanes_, word}, {lanes_, word + 1}}; }

  void count(std::size_t word, std::uint64_t bytes) noexcept {
    const std::uint32_t lane = detail::thread_lane();
    auto& words = lanes_[lane].words;
    add(words[word], 1, lane);
    add(words[word + 1], bytes, lane);
  }
  static void add(Word& word, std::uint64_t amount, std::uint32_t lane) noexcept {
    if (lane != detail::shared_lane) [[likely]] {  // no other thread writes it
      word.store(word.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    } else {
      word.fetch_add(amount, std::memory_order_relaxed);
    }
  }

  Lanes lanes_;

 public:
  std::array<Traffic, path_count> reads;  ///< gets, by how the bytes reached the reader
  std::array<Traffic, path_count>
      writes;  ///< puts, by how the bytes reached the store; shm_view: written in place
  /// Times of calls that brought an object from another node, or from storage: from the call until the object
  /// has arrived, without its decoding. Each object of a batch takes the time of the batch. Objects fetched
  /// in the background are not included, see transfer_ns. Threads share these counts: each of those calls
  /// takes microseconds.
  std::array<TimeHistogram, path_count> read_times{};
  std::array<TimeHistogram, path_count> write_times{};  ///< of puts and replacements: those in storage
  Counter misses{lanes_, 4 * path_count};               ///< gets that found nothing
  Counter evictions{lanes_, 4 * path_count + 1};        ///< evictions that removed an object
  Counter decodes{lanes_, 4 * path_count + 2};          ///< values decoded; decoded_hits: found decoded
  Counter decoded_hits{lanes_, 4 * path_count + 3};
  Counter messages{lanes_, 4 * path_count + 4};  ///< sent to other ranks on the data path
  /// Requests of other ranks rejected unread: the rank has too many in progress, or the request is too long
  /// or has no number or one of another open request.
  Counter turned_away{lanes_, 4 * path_count + 5};
  /// Nanoseconds during which objects of other nodes were on their way to this rank, and during which its
  /// threads waited for them: see TransferTimes.
  Counter transfer_ns{lanes_, 4 * path_count + 6};
  Counter waited_ns{lanes_, 4 * path_count + 7};
  /// Messages that no rank of this runtime has sent, and that were dropped: of another job, or damaged.
  Counter foreign_messages{lanes_, 4 * path_count + 8};
};

/// Memory of a rank and of its node, in bytes.
struct MemoryUsage {
  std::uint64_t limit = 0;           ///< upper bound of committed memory
  std::uint64_t committed = 0;       ///< taken from the system by all processes of the node, including tables
  std::uint64_t highest = 0;         ///< the most that it was so far
  std::uint64_t own_committed = 0;   ///< of these, by this process
  std::uint64_t own_highest = 0;     ///< the most that it was so far
  std::uint64_t own_used = 0;        ///< in live, pinned and unsealed objects of this process
  std::uint64_t own_pinned = 0;      ///< of own_used: evicted objects that are still viewed
  std::uint64_t own_objects = 0;     ///< sealed objects of this process, including adopted ones; not evicted
  std::uint64_t own_copies = 0;      ///< of own_objects: copies of objects of other nodes
  std::uint64_t own_copy_bytes = 0;  ///< of their blocks
  std::uint64_t own_on_disk = 0;     ///< of own_objects: those whose payload is on disk alone
  std::uint64_t own_disk_bytes = 0;  ///< of their payload, in whole pages; not in own_used
};

}  // namespace locum
