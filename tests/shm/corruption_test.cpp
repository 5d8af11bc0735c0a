// Stray stores: each third byte of a node's tables is overwritten in several ways (each byte by tests/long),
// and then every operation is tried. There must never be a crash, an endless wait, or bytes of another
// object; damage that must be detected is reported as `corrupt`, with its place.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/node/cluster.hpp"
#include "core/value/options.hpp"
#include "shm/arena/arena.hpp"
#include "shm/names/name_table.hpp"
#include "shm/table/object_table.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/core/trials.hpp"
#include "tests/shm/child.hpp"

namespace locum::shm::corruption_test {
namespace {

using std::chrono::milliseconds;
using tests::code_of;
using tests::holds;
using tests::pattern;
using tests::put;
using tests::sanitized;

constexpr std::uint32_t store = 1;
constexpr std::uint32_t crowded_shard = 3;

/// A region that a stray store may hit, and the promises for it.
struct Region {
  std::string name;
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
  bool found = false;  ///< each change is detected; otherwise it is at least not followed
  std::string place;   ///< named in the error
};

/// The observations of a child.
struct Outcome {
  std::string wrong;    ///< what must never happen
  std::string corrupt;  ///< text of the first error of that kind
  int refusals = 0;     ///< other errors than expected

  template <class T>
  bool usable(const Result<T>& result) {
    if (!result && result.error().code() == Errc::corrupt && corrupt.empty()) {
      corrupt = result.error().what();
    }
    refusals += !result && result.error().code() != Errc::corrupt ? 1 : 0;
    return result.has_value();
  }
};

/// A node of two processes, simulated in one, with objects of all kinds.
class Corruption : public ::testing::Test {
 protected:
  struct Sample {
    Key key;
    std::string name;
    std::vector<std::byte> bytes;
    std::uint64_t block = 0;  ///< offset
    std::uint64_t block_bytes = 0;
    std::uint32_t rank = 0;  ///< within the node
    std::uint32_t slot = 0;
  };

  Corruption() {
    for (std::uint32_t own = 0; own < 2; ++own) {
      const std::vector<std::uint32_t> ranks{10, 11};
      const auto objects = ObjectTable::make(segment_, own, ranks);
      ranks_[own] = open_cluster(
          {.arena = std::make_shared<SharedArena>(segment_, own, 64_KiB, 0, SharedArena::Background::caller),
           .table = objects,
           .directory = std::make_shared<NameTable>(segment_, objects, milliseconds(3)),
           .timeout = milliseconds(3)});
    }
    const std::vector<std::string> names = crowded_names(7);
    add(0, names[5], 40);  // evicted again: free records and slots, and a tombstone that is viewed
    add(0, names[6], 40);
    for (std::size_t at = 0; at < 4; ++at) {
      add(0, names[at], 24 + 104 * at);
    }
    add(1, names[4], 64);
    add(0, "elsewhere", 5000);
    add(0, {}, 8);
    add(0, {}, 704);
    add(1, {}, 96);
    viewed_ = ranks_[1]->get(samples_[0].key, {}).value();
    for (int at = 0; at < 2; ++at) {
      EXPECT_TRUE(ranks_[0]->evict(samples_.front().key, {}).value());
      samples_.erase(samples_.begin());
    }
    (void)ranks_[0]->usage();
    keep();
  }

  // Names of one bucket, so that there is a chain to be damaged.
  static std::vector<std::string> crowded_names(std::size_t count) {
    std::vector<std::string> names;
    for (int at = 0; names.size() < count; ++at) {
      const std::string name = "crowded/" + std::to_string(at);
      const std::uint64_t hash = name_hash(store, name);
      if (hash >> 58U == crowded_shard && (hash & 63U) == 5) {
        names.push_back(name);
      }
    }
    return names;
  }

  void add(std::uint32_t rank, const std::string& name, std::size_t size_bytes) {
    Sample sample;
    sample.name = name;
    sample.rank = rank;
    sample.bytes = pattern(samples_.size() + 1, size_bytes);
    ObjectMeta meta = tests::plain_meta(store, name);
    meta.layout = Layout::array;
    meta.element_bytes = 4;
    meta.extents = Extents(size_bytes / 8, 2);
    const auto draft = ranks_[rank]->create(size_bytes, meta, {}).value();
    std::memcpy(draft.bytes.data(), sample.bytes.data(), size_bytes);
    sample.key = ranks_[rank]->seal(draft, {}, {}).value().key;
    sample.slot = static_cast<std::uint32_t>(sample.key.serial);
    sample.block = draft.place;
    sample.block_bytes = entry(rank, sample.slot).record.block_bytes();
    samples_.push_back(sample);
  }

  [[nodiscard]] std::uint64_t entry_offset(std::uint32_t rank, std::uint32_t slot) const {
    return segment_->geometry().entries_offset(rank) + slot * sizeof(Entry);
  }
  [[nodiscard]] Entry& entry(std::uint32_t rank, std::uint32_t slot) const {
    return *reinterpret_cast<Entry*>(segment_->base() + entry_offset(rank, slot));
  }

  // Saves what the children may change, so that each finds the same node.
  void keep() {
    const Geometry& geometry = segment_->geometry();
    const auto keep = [&](std::uint64_t offset, std::uint64_t size_bytes) {
      const std::byte* const begin = segment_->base() + offset;
      kept_[offset] = std::vector<std::byte>(begin, begin + size_bytes);
    };
    keep(0, geometry.head_bytes());
    for (std::uint32_t shard = 0; shard < shard_count; ++shard) {
      if (segment_->shard(shard).buckets.load() != 0) {
        keep(geometry.records_offset(shard), page_bytes);
        keep(geometry.buckets_offset(shard), page_bytes);
      }
    }
    for (std::uint32_t rank = 0; rank < 2; ++rank) {
      keep(geometry.entries_offset(rank), page_bytes);
      keep(geometry.pins_offset(rank), page_bytes);
      keep(geometry.arena_offset(rank), 64_KiB);
    }
    committed_bytes_ = segment_->committed_bytes();
  }
  void restore() const {
    for (const auto& [offset, bytes] : kept_) {
      std::memcpy(segment_->base() + offset, bytes.data(), bytes.size());
    }
    // A child that read a wrong number of entries has touched memory that was never committed: if it stayed,
    // the node would be full for all later children.
    if (segment_->committed_bytes() > committed_bytes_) {
      const Geometry& geometry = segment_->geometry();
      for (std::uint32_t rank = 0; rank < 2; ++rank) {
        segment_->give_back(geometry.entries_offset(rank) + page_bytes,
                            geometry.entries_bytes() - page_bytes);
      }
    }
  }

  void look(Connector& rank, const Sample& sample, Outcome& outcome) const {
    std::vector<Address> ways{Address(sample.key)};
    if (!sample.name.empty()) {
      ways.emplace_back(store, sample.name);
    }
    for (const Address& way : ways) {
      (void)outcome.usable(rank.exists(way, {}));
      const auto view = rank.get(way, {});
      if (outcome.usable(view)) {
        if (view->key() != sample.key || !holds(*view, sample.bytes)) {
          outcome.wrong = "another object's bytes";
        }
        const ObjectFacts facts = view->facts();
        if (!facts.whole) {
          outcome.corrupt = "the tail of this object's block";
        } else if (facts.name != sample.name || facts.extents != Extents(sample.bytes.size() / 8, 2) ||
                   facts.type_name != "byte[]") {
          outcome.wrong = "facts that are not those of the object";
        }
      }
    }
  }

  // Every operation of two processes, and the end of both.
  Outcome do_everything() {
    Outcome outcome;
    for (int who = 1; who >= 0; --who) {
      Connector& rank = *ranks_[static_cast<std::size_t>(who)];
      for (const Sample& sample : samples_) {
        look(rank, sample, outcome);
      }
      if (const auto names = rank.list(store, {}, {}); outcome.usable(names)) {
        for (const std::string& name : *names) {
          if (std::ranges::none_of(samples_, [&](const Sample& each) { return each.name == name; })) {
            outcome.wrong = "a name that was never put";
          }
        }
      }
      (void)rank.wait({store, "never"}, std::chrono::microseconds(50));
      (void)outcome.usable(rank.wait({store, samples_[1].name}, milliseconds(1)));
    }
    const std::vector<std::string> names = crowded_names(9);
    for (std::size_t at = 7; at < 9; ++at) {
      const auto bytes = pattern(100 + at, 333);
      const auto sealed = put(*ranks_[0], store, names[at], bytes);
      if (outcome.usable(sealed)) {
        const auto view = ranks_[1]->get(sealed->key, {});
        if (outcome.usable(view) && !holds(*view, bytes)) {
          outcome.wrong = "a new object that is not what was put";
        }
      }
    }
    for (const std::size_t at : {0U, 2U, 4U}) {
      (void)outcome.usable(put(*ranks_[1], store, samples_[at].name, pattern(at, 99), {SealMode::replace}));
    }
    (void)outcome.usable(ranks_[1]->evict({store, samples_[1].name}, {}));
    (void)outcome.usable(ranks_[1]->evict(samples_[3].key, {}));
    (void)outcome.usable(ranks_[1]->evict(samples_[6].key, {}));
    viewed_ = ObjectView();
    for (const auto& rank : ranks_) {
      (void)outcome.usable(rank->drop(store));
      (void)rank->usage();
      for (std::uint64_t at = 0; at < 8; ++at) {
        (void)outcome.usable(put(*rank, store, {}, pattern(at, 200 * at)));
      }
      (void)outcome.usable(rank->drop(store));
      (void)rank->usage();
    }
    ranks_ = {};
    return outcome;
  }

  // One stray store in a separate process; what went wrong there, empty if nothing.
  std::string trial(const Region& region, std::uint64_t at, const std::function<void(std::byte*)>& store_at) {
    store_at(segment_->base() + at);
    const tests::Ending ending =
        tests::Child(
            [&] {
              const Outcome outcome = do_everything();
              return outcome.wrong + "|" + outcome.corrupt + "|" + std::to_string(outcome.refusals);
            },
            60)  // several that hang are to be reported within the time limit of ctest
            .wait();
    restore();
    if (ending.signal == SIGALRM) {
      return "hangs";
    }
    if (ending.exit_code != 0 && !(ending.exit_code == 3 && HasFailure())) {
      return "ends by signal " + std::to_string(ending.signal) + ": " + ending.said;
    }
    const std::size_t first = ending.said.find('|');
    const std::size_t second = ending.said.rfind('|');
    const std::string wrong = ending.said.substr(0, first);
    const std::string corrupt = ending.said.substr(first + 1, second - first - 1);
    ++trials_;
    found_ += corrupt.empty() ? 0 : 1;
    refused_ += corrupt.empty() && ending.said.substr(second) != "|0" ? 1 : 0;
    if (!wrong.empty()) {
      return wrong;
    }
    if (region.found && corrupt.find(region.place) == std::string::npos) {
      return "is not noticed, or not where it is: " + ending.said;
    }
    return {};
  }

  // Each byte of a region: one bit flipped, all zero, all one, and at times a random word.
  void overwrite(const Region& region) {
    trials_ = found_ = refused_ = 0;
    int complaints = 0;
    std::mt19937_64 random(region.offset);
    const auto attempt = [&](std::uint64_t at, const std::vector<std::byte>& bytes) {
      if (complaints > 5 || std::memcmp(segment_->base() + at, bytes.data(), bytes.size()) == 0) {
        return;
      }
      const std::string wrong =
          trial(region, at, [&](std::byte* place) { std::memcpy(place, bytes.data(), bytes.size()); });
      if (!wrong.empty()) {
        ++complaints;
        ADD_FAILURE() << region.name << " + " << at - region.offset << ", " << bytes.size() << " bytes from "
                      << std::to_integer<int>(bytes[0]) << ": " << wrong;
      }
    };
    for (std::uint64_t at = region.offset; at < region.offset + region.size_bytes; at += stride) {
      const std::byte now = segment_->base()[at];
      attempt(at, {now ^ std::byte{1} << (random() % 8)});
      attempt(at, {std::byte{0}});
      attempt(at, {std::byte{0xFF}});
      if (at % 8 == 0 && at + 8 <= region.offset + region.size_bytes) {
        std::vector<std::byte> word(8);
        const std::uint64_t value = random();
        std::memcpy(word.data(), &value, 8);
        attempt(at, word);
      }
    }
    std::printf("%-40s %5d stray stores: %5d found, %5d refused otherwise, %5d harmless\n",
                region.name.c_str(), trials_, found_, refused_, trials_ - found_ - refused_);
  }

  /// From one overwritten byte to the next one. LOCUM_CORRUPTION_STRIDE=1: each byte.
  const std::uint64_t stride = tests::number_from("LOCUM_CORRUPTION_STRIDE", sanitized ? 11 : 3);

  std::shared_ptr<Segment> segment_ = Segment::create(Geometry::fit(2, 16_MiB, 1_GiB), 0x10C0);
  std::array<std::shared_ptr<Connector>, 2> ranks_;
  std::vector<Sample> samples_;
  ObjectView viewed_;
  std::map<std::uint64_t, std::vector<std::byte>> kept_;
  std::uint64_t committed_bytes_ = 0;
  int trials_ = 0;
  int found_ = 0;
  int refused_ = 0;
};

TEST_F(Corruption, NothingIsWrongWithoutAStrayStore) {
  const std::string wrong = trial({"nowhere", 0, 0, false, ""}, 0, [](std::byte*) {});
  EXPECT_EQ(wrong, "");
  EXPECT_EQ(found_, 0);
  EXPECT_EQ(refused_, 0);
}

TEST_F(Corruption, OfTheSegmentHeader) {
  overwrite({"header", 0, sizeof(SegmentHeader), false, ""});
}

TEST_F(Corruption, OfTheShares) {
  overwrite({"shares", segment_->geometry().shares_offset(), 2 * sizeof(Share), false, ""});
}

// Passes over all entries, and an end with views left, use these counts. One that is too large leads into
// holes of the file, which take memory when they are read; one that is too small hides objects.
TEST_F(Corruption, OfTheCountsOfEntriesTouchesNoHoleAndHidesNothing) {
  const auto nothing_happens = [&](std::uint64_t at, std::uint64_t word) {
    return trial({"count of entries", at, 8, false, ""}, at,
                 [word](std::byte* place) { std::memcpy(place, &word, sizeof word); });
  };
  const auto word_of = [&](std::uint32_t rank) { return segment_->share(rank).entries.load(); };
  ASSERT_EQ(nothing_happens(segment_->geometry().shares_offset() + offsetof(Share, entries), word_of(0)), "");
  const std::uint64_t committed = segment_->committed_bytes();
  const std::uint64_t most = Entries::most(segment_->geometry());
  for (std::uint32_t rank = 0; rank < 2; ++rank) {
    const std::uint64_t at =
        segment_->geometry().shares_offset() + rank * sizeof(Share) + offsetof(Share, entries);
    const std::uint64_t told = word_of(rank);
    for (const std::uint64_t word :
         {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{1}, most, told >> 32U << 32U,
          (told >> 32U << 32U) | 1U, (told >> 32U << 32U) | most, (told >> 32U << 32U) | 0xFFFFFFFFU,
          told & 0xFFFFFFFFU, told + 64, word_of(1 - rank)}) {
      EXPECT_EQ(nothing_happens(at, word), "") << word << " in the share of rank " << rank;
      EXPECT_EQ(found_ + refused_, 0) << word << " in the share of rank " << rank << " hides something";
      EXPECT_EQ(segment_->committed_bytes(), committed) << word << " in the share of rank " << rank;
    }
  }
}

TEST_F(Corruption, OfLiveEntries) {
  for (const std::size_t at : {0U, 4U, 6U, 8U}) {
    const Sample& sample = samples_[at];
    const std::uint64_t begin = entry_offset(sample.rank, sample.slot);
    const std::string entry = "entry of object " + std::to_string(at);
    const std::string place = "entry " + std::to_string(sample.slot);
    const bool named = !sample.name.empty();
    overwrite({entry + ", tag", begin, 8, false, ""});
    overwrite({entry + ", record", begin + 8, offsetof(ObjectRecord, link), true, place});
    overwrite({entry + ", link", begin + 8 + offsetof(ObjectRecord, link), 4, false, ""});
    // For the low byte this holds for every pattern but 0, which means an object that is not bound yet.
    overwrite({entry + ", generation", begin + offsetof(Entry, generation), 1, false, ""});
    overwrite({entry + ", generation's high bytes", begin + offsetof(Entry, generation) + 1, 7, named,
               "directory shard"});
  }
}

TEST_F(Corruption, OfDeadAndFreeEntries) {
  overwrite({"tombstone that is viewed", entry_offset(0, 0), sizeof(Entry), false, ""});
  overwrite({"free entry", entry_offset(0, 1), sizeof(Entry), false, ""});
  overwrite({"entry never used", entry_offset(0, 40), sizeof(Entry), false, ""});
}

TEST_F(Corruption, OfPins) {
  overwrite({"pins", segment_->geometry().pins_offset(0), 128, false, ""});
}

TEST_F(Corruption, OfTails) {
  for (const std::size_t at : {0U, 4U, 6U}) {
    const Sample& sample = samples_[at];
    overwrite({"tail of object " + std::to_string(at), sample.block + sample.bytes.size(),
               sample.block_bytes - sample.bytes.size(), true, ""});
  }
}

TEST_F(Corruption, OfShards) {
  const std::uint64_t begin = segment_->geometry().shards_offset() + crowded_shard * sizeof(Shard);
  overwrite({"shard with names", begin, sizeof(Shard), false, ""});
  overwrite({"kind of its lock", begin + 16, 4, true, "directory shard 3"});
  overwrite({"shard without names", begin + 40 * sizeof(Shard), sizeof(Shard), false, ""});
}

TEST_F(Corruption, OfChainsAndRecords) {
  const Geometry& geometry = segment_->geometry();
  const std::uint64_t records = geometry.records_offset(crowded_shard);
  overwrite({"free record", records, sizeof(Record), false, ""});
  for (std::uint32_t at = 2; at < 7; ++at) {
    const std::string record = "record " + std::to_string(at);
    const std::uint64_t begin = records + at * sizeof(Record);
    overwrite({record + ", hash", begin, 8, true, "directory shard 3"});
    overwrite({record + ", object", begin + 8, 8, true, ""});
    overwrite({record + ", generation and creator", begin + 16, 12, true, "directory shard 3"});
    overwrite({record + ", next", begin + offsetof(Record, next), 4, false, ""});
  }
  overwrite({"record never used", records + 20 * sizeof(Record), sizeof(Record), false, ""});
  overwrite({"bucket with names", geometry.buckets_offset(crowded_shard) + 5 * 4, 4, false, ""});
  overwrite({"bucket without names", geometry.buckets_offset(crowded_shard) + 6 * 4, 4, false, ""});
}

}  // namespace
}  // namespace locum::shm::corruption_test
