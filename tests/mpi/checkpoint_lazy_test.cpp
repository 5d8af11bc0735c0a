// What was restored lazily: all names are there at once, and the bytes are read when somebody uses them.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "core/promise.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr RuntimeOptions of_lazy{.memory_bytes = 128_MiB, .timeout = 20s, .collective_timeout = 60s};
constexpr std::size_t lazy_elements = 12 * 1024;  // 96 KiB: a dataset of its own
constexpr std::array ways{"get",  "part", "slab",  "read",  "bytes",       "async",  "async_part", "wait",
                          "when", "info", "batch", "proxy", "proxy_batch", "update", "info_async"};

std::string named_of(int rank, const std::string& name) {
  return name + '/' + std::to_string(rank);
}

// `small` ones are packed.
std::vector<double> lazy_field(int rank, std::size_t count = lazy_elements) {
  std::vector<double> values(count);
  std::iota(values.begin(), values.end(), rank * 100000.0);
  return values;
}

bool is_lazy_field(const View<double[]>& view, int rank, std::size_t count = lazy_elements) {
  const std::vector<double> wanted = lazy_field(rank, count);
  return std::ranges::equal(view, wanted);
}

/// A checkpoint with a field for each rank and way of asking, and others.
class LazyCheckpoint : public testing::Test {
 protected:
  void write(int compress = 0) {
    Runtime runtime(MPI_COMM_WORLD, of_lazy);
    const Store store = runtime.store("fields");
    const int rank = job::rank();
    for (const char* way : ways) {
      (void)store.put(named_of(rank, way), lazy_field(rank)).value();
    }
    (void)store.put(named_of(rank, "packed"), lazy_field(rank, 200)).value();
    (void)store.put(named_of(rank, "small"), rank).value();
    written_ = runtime.checkpoint("fields", path_, {.compress = compress}).value();
  }

  [[nodiscard]] static int next() { return (job::rank() + 1) % job::size(); }

  // Each object is first used here, by one rank, which is mostly not that of the record.
  static void expect_all_ways(Runtime& runtime, const Store& store) {
    const int rank = next();
    EXPECT_TRUE(is_lazy_field(store.get<double[]>(named_of(rank, "get")).value(), rank));
    const auto part =
        store.get<double[]>(named_of(rank, "part"), {.part = {.offset = 100, .count = 10}}).value();
    EXPECT_EQ(part.size(), 10U);
    EXPECT_EQ(part->front(), rank * 100000.0 + 100);
    const auto slab =
        store.get<double[]>(named_of(rank, "slab"), {.slab = {.start = {1000}, .count = {5}, .stride = {2}}})
            .value();
    EXPECT_EQ(slab.size(), 5U);
    EXPECT_EQ(slab->back(), rank * 100000.0 + 1008);
    std::vector<double> mine(lazy_elements);
    EXPECT_EQ(store.read(named_of(rank, "read"), std::span(mine)).value(), lazy_elements);
    EXPECT_EQ(mine, lazy_field(rank));
    EXPECT_EQ(store.get_bytes(named_of(rank, "bytes")).value().size(), lazy_elements * sizeof(double));
    const auto async = store.get_async<double[]>(named_of(rank, "async"));
    const auto async_part =
        store.get_async<double[]>(named_of(rank, "async_part"), {.part = {.offset = 7, .count = 3}});
    const auto when = store.wait_async<double[]>(named_of(rank, "when"));
    const auto info = store.info_async(named_of(rank, "info_async"));
    EXPECT_TRUE(is_lazy_field(async.get(20s).value(), rank));
    const auto some = async_part.get(20s).value();
    EXPECT_EQ(some.size(), 3U);
    EXPECT_EQ(some->front(), rank * 100000.0 + 7);
    EXPECT_TRUE(is_lazy_field(when.get(20s).value(), rank));
    EXPECT_EQ(info.get(20s).value().size_bytes, lazy_elements * sizeof(double));
    EXPECT_TRUE(is_lazy_field(store.wait<double[]>(named_of(rank, "wait")).value(), rank));
    EXPECT_EQ(store.info(named_of(rank, "info")).value().type, "f64[]");
    const std::array names{named_of(rank, "batch"), named_of(rank, "packed")};
    const auto batch = store.get_batch<double[]>(names);
    EXPECT_TRUE(is_lazy_field(batch[0].value(), rank));
    EXPECT_TRUE(is_lazy_field(batch[1].value(), rank, 200));
    const auto stand_in = store.proxy<double[]>(named_of(rank, "proxy")).value();
    stand_in.prefetch();
    EXPECT_TRUE(is_lazy_field(stand_in.get().value(), rank));
    const auto stand_ins = store.proxy_batch<double[]>(std::array{named_of(rank, "proxy_batch")});
    EXPECT_TRUE(is_lazy_field(stand_ins[0].value().get().value(), rank));
    const auto changed =
        store.update<std::vector<double>>(named_of(rank, "update"), [](std::vector<double> values) {
          values[0] = -1;
          return values;
        });
    EXPECT_EQ(changed.value()[0], -1);
    EXPECT_EQ(*store.get<int>(named_of(rank, "small")).value(), rank);
    (void)runtime;
  }

  void damage(const std::string& name, const std::vector<double>& content) {
    if (job::rank() == 0) {
      for (const auto& each : std::filesystem::directory_iterator(path_ + ".parts")) {
        std::fstream file(each.path(), std::ios::in | std::ios::out | std::ios::binary);
        std::string bytes((std::istreambuf_iterator<char>(file)), {});
        const std::string wanted(reinterpret_cast<const char*>(content.data()),
                                 content.size() * sizeof(double));
        const std::size_t at = bytes.find(wanted);
        if (at != std::string::npos) {
          file.clear();
          file.seekp(static_cast<std::streamoff>(at + 20));
          file.put('x');
          found_ = name;
        }
      }
      EXPECT_EQ(found_, name) << "the bytes to be damaged";
    }
    job::barrier();
  }

  const job::SharedFolder folder_;
  const std::string path_ = folder_ / "lazy.h5";
  CheckpointReport written_;
  std::string found_;
};

TEST_F(LazyCheckpoint, IsReadWhenItIsUsedInAnyWay) {
  write();
  Runtime runtime(MPI_COMM_WORLD, of_lazy);
  const auto restored = runtime.restore("later", path_, {.lazy = true}).value();
  EXPECT_EQ(restored.objects, written_.objects);
  EXPECT_EQ(restored.bytes, written_.bytes);
  const Store store = runtime.store("later");
  EXPECT_EQ(store.keys().value().size(), written_.objects);
  expect_all_ways(runtime, store);
}

TEST_F(LazyCheckpoint, IsReadByTheThreadThatUsesItWhereItIsCompressed) {
  write(3);
  Runtime runtime(MPI_COMM_WORLD, of_lazy);
  (void)runtime.restore("later", path_, {.lazy = true}).value();
  expect_all_ways(runtime, runtime.store("later"));
}

TEST_F(LazyCheckpoint, IsReadOnceInTheJobHoweverManyAskAtATime) {
  write();
  Runtime runtime(MPI_COMM_WORLD, of_lazy);
  (void)runtime.restore("later", path_, {.keep_handles = false, .lazy = true}).value();
  const Store store = runtime.store("later");
  job::barrier();
  for (int rank = 0; rank < job::size(); ++rank) {
    const auto found = store.get<double[]>(named_of(rank, "get")).value();
    EXPECT_TRUE(is_lazy_field(found, rank));
    EXPECT_EQ(job::from(0, found.key()), found.key()) << "the same object on all ranks";
  }
}

// The proof that nothing is read: the files have gone.
TEST_F(LazyCheckpoint, ReadsNothingToLookReplaceAndEvict) {
  write();
  Runtime runtime(MPI_COMM_WORLD, of_lazy);
  (void)runtime.restore("later", path_, {.lazy = true}).value();
  const Store store = runtime.store("later");
  const int rank = next();
  EXPECT_TRUE(is_lazy_field(store.get<double[]>(named_of(rank, "get")).value(), rank));
  job::barrier();
  if (job::rank() == 0) {
    std::filesystem::remove_all(path_ + ".parts");
  }
  job::barrier();
  EXPECT_TRUE(is_lazy_field(store.get<double[]>(named_of(rank, "get")).value(), rank)) << "was read before";
  EXPECT_TRUE(store.exists(named_of(rank, "part")).value());
  EXPECT_TRUE(store.exists_async(named_of(rank, "part")).get(20s).value());
  EXPECT_TRUE(store.exists_batch(std::array{named_of(rank, "part")})[0].value());
  EXPECT_EQ(store.put(named_of(rank, "part"), 1).error().code(), Errc::key_exists);
  (void)store.replace(named_of(rank, "part"), 42 + rank).value();
  EXPECT_EQ(*store.get<int>(named_of(rank, "part")).value(), 42 + rank);
  EXPECT_TRUE(store.evict(named_of(rank, "slab")).value());
  EXPECT_FALSE(store.exists(named_of(rank, "slab")).value());
  EXPECT_EQ(store.get<double[]>(named_of(rank, "slab")).error().code(), Errc::not_found);
  (void)store.put(named_of(rank, "slab"), 7).value();
  EXPECT_EQ(*store.get<int>(named_of(rank, "slab")).value(), 7);
  job::barrier();
  for (int other = 0; other < job::size(); ++other) {  // on each rank, also after it failed on another
    const auto missing = store.get<double[]>(named_of(other, "read"));
    EXPECT_EQ(missing.error().code(), Errc::not_found);
    EXPECT_EQ(missing.error().key(), named_of(other, "read")) << missing.error().what();
  }
  EXPECT_EQ(store.get_async<double[]>(named_of(rank, "async")).get(20s).error().code(), Errc::not_found);
  EXPECT_TRUE(store.exists(named_of(rank, "read")).value());
  // A checkpoint would lose what cannot be read any more.
  const auto refused = runtime.checkpoint("later", folder_ / "next.h5");
  EXPECT_EQ(refused.error().code(), Errc::not_found) << refused.error().what();
  EXPECT_FALSE(std::filesystem::exists(folder_ / "next.h5"));
}

TEST_F(LazyCheckpoint, TellsOfDamageToWhoUsesTheObject) {
  write();
  damage("get/0", lazy_field(0));  // the first of some with that content
  Runtime runtime(MPI_COMM_WORLD, of_lazy);
  (void)runtime.restore("later", path_, {.lazy = true}).value();
  const Store store = runtime.store("later");
  int damaged = 0;
  for (const char* way : ways) {
    const auto found = store.get<double[]>(named_of(0, way));
    if (!found) {
      ++damaged;
      EXPECT_EQ(found.error().code(), Errc::corrupt);
      EXPECT_EQ(found.error().key(), named_of(0, way));
    }
  }
  EXPECT_EQ(damaged, 1) << "on each rank";
  EXPECT_EQ(runtime.checkpoint("later", folder_ / "next.h5").error().code(), Errc::corrupt);
}

TEST_F(LazyCheckpoint, KeepsHandlesOfWhatIsNotReadThroughSeveralJobs) {
  const std::array paths{folder_ / "first.h5", folder_ / "second.h5", folder_ / "third.h5"};
  const int rank = job::rank();
  enum { unnamed, named, promised, kept_elsewhere, kinds };
  using Links = std::array<Handle, kinds>;
  const auto expect_links = [&](Runtime& runtime) {
    const Store store = runtime.store("links");
    for (int other = 0; other < job::size(); ++other) {
      const auto links = store.get<Handle[]>(named_of(other, "links")).value();
      for (int kind = 0; kind < kinds; ++kind) {
        const auto stand_in = runtime.proxy<double[]>(links[kind]);
        if ((kind + rank) % 2 == 0) {
          stand_in.prefetch();
        }
        const auto found = kind == promised ? stand_in.get_async().get(20s) : stand_in.get();
        EXPECT_TRUE(found && is_lazy_field(*found, kind))
            << kind << ": " << (found ? "" : found.error().what());
      }
    }
  };
  {
    Runtime runtime(MPI_COMM_WORLD, of_lazy);
    const Store store = runtime.store("links");
    Links links;
    links[unnamed] = store.put_proxy(lazy_field(unnamed)).value().handle();
    (void)store.put(named_of(rank, "named"), lazy_field(named)).value();
    links[named] = store.proxy<double[]>(named_of(rank, "named")).value().handle();
    auto promise = store.promise<std::vector<double>>().value();
    links[promised] = promise.proxy().handle();
    (void)promise.set(lazy_field(promised)).value();
    auto under_name = store.promise<std::vector<double>>(named_of(rank, "later")).value();
    links[kept_elsewhere] = under_name.proxy().handle();
    (void)under_name.set(lazy_field(kept_elsewhere)).value();
    (void)store.put(named_of(rank, "links"), std::span<const Handle>(links)).value();
    (void)runtime.checkpoint("links", paths[0]).value();
  }
  for (const bool uses : {true, false}) {  // before the next checkpoint
    Runtime runtime(MPI_COMM_WORLD, of_lazy);
    (void)runtime.store("another, with a number of its own");
    (void)runtime.restore("links", uses ? paths[0] : paths[1], {.lazy = true}).value();
    if (uses) {
      expect_links(runtime);
      job::barrier();
    }
    const auto written = runtime.checkpoint("links", uses ? paths[1] : paths[2]).value();
    EXPECT_EQ(written.objects, static_cast<std::uint64_t>(5 * job::size()));
    expect_links(runtime);
  }
  {
    Runtime runtime(MPI_COMM_WORLD, of_lazy);
    (void)runtime.restore("links", paths[2]).value();
    expect_links(runtime);
  }
  Runtime runtime(MPI_COMM_WORLD, of_lazy);
  (void)runtime.restore("links", paths[2], {.lazy = true}).value();
  const Store store = runtime.store("links");
  const auto links = store.get<Handle[]>(named_of(rank, "links")).value();
  for (const bool is_read : {false, true}) {
    job::barrier();
    EXPECT_EQ(runtime.restore("links", paths[2], {.lazy = true}).error().code(), Errc::key_exists);
    if (!is_read) {
      expect_links(runtime);
    }
  }
  EXPECT_TRUE(is_lazy_field(runtime.proxy<double[]>(links[unnamed]).get().value(), unnamed));
  job::barrier();
  EXPECT_TRUE(store.evict(named_of(rank, "later")).value());
  (void)store.replace(named_of(rank, "named"), lazy_field(7)).value();
  EXPECT_EQ(runtime.proxy<double[]>(links[kept_elsewhere]).get().error().code(), Errc::not_found);
  const auto replaced = runtime.proxy<double[]>(links[named]).get();
  EXPECT_TRUE(!replaced &&
              (replaced.error().code() == Errc::stale || replaced.error().code() == Errc::not_found));
  EXPECT_TRUE(is_lazy_field(store.get<double[]>(named_of(rank, "named")).value(), 7));
}

// Files are removed only when all that needs them is in memory, of any store.
TEST_F(LazyCheckpoint, LosesNothingWhenACheckpointReplacesItsFiles) {
  write();
  Runtime runtime(MPI_COMM_WORLD, of_lazy);
  (void)runtime.restore("one", path_, {.lazy = true}).value();
  (void)runtime.restore("two", path_, {.lazy = true}).value();
  const auto begun = runtime.store("one").get_async<double[]>(named_of(next(), "get"));
  const auto written = runtime.checkpoint("one", path_, {.prefix = "get/"}).value();
  EXPECT_EQ(written.objects, static_cast<std::uint64_t>(job::size())) << "what is being read is there";
  EXPECT_TRUE(is_lazy_field(begun.get(20s).value(), next()));
  expect_all_ways(runtime, runtime.store("one"));
  expect_all_ways(runtime, runtime.store("two"));
  (void)runtime.restore("three", path_, {.lazy = true}).value();
  (void)runtime.checkpoint_async("two", path_).get(60s).value();
  const int rank = next();
  EXPECT_TRUE(is_lazy_field(runtime.store("three").get<double[]>(named_of(rank, "get")).value(), rank));
  (void)runtime.restore("four", path_).value();
  EXPECT_EQ(runtime.store("four").keys().value().size(), written_.objects);
}

TEST_F(LazyCheckpoint, RestoresNothingWhereANameIsLive) {
  write();
  Runtime runtime(MPI_COMM_WORLD, of_lazy);
  const Store store = runtime.store("later");
  if (job::rank() == 0) {
    (void)store.put(named_of(0, "get"), 1).value();
  }
  job::barrier();
  EXPECT_EQ(runtime.restore("later", path_, {.lazy = true}).error().code(), Errc::key_exists);
  EXPECT_EQ(store.keys().value().size(), 1U);
}

}  // namespace
}  // namespace locum
