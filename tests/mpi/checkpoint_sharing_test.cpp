// The tables of a checkpoint's parts are read once in the job, by different ranks, each of which restores
// objects that others have read of.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"
#include "transport/storage/hdf5/master_file.hpp"
#include "transport/storage/hdf5/part_writer.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr RuntimeOptions of_shares{.memory_bytes = 128_MiB, .timeout = 20s, .collective_timeout = 60s};
constexpr std::size_t bytes_of_one = 600;  // more than what a lazy restore reads at once
constexpr std::uint64_t nodes_written = 3;

struct WrittenPart {
  std::string name;
  std::uint64_t generation = 1;
  std::int8_t value = 0;  ///< of each byte
};

class WrittenObjects final : public storage::PartObjects {
 public:
  WrittenObjects(std::uint32_t part, std::vector<WrittenPart> objects)
      : part_(part), objects_(std::move(objects)) {}
  [[nodiscard]] std::size_t size() const noexcept override { return objects_.size(); }
  [[nodiscard]] ObjectFacts facts(std::size_t at) const override {
    return {.key = {1, part_, at + 1},
            .size_bytes = bytes_of_one,
            .generation = objects_[at].generation,
            .layout = Layout::array,
            .extents = {},
            .type_name = "i8[]",
            .name = objects_[at].name};
  }
  [[nodiscard]] std::span<const std::byte> bytes(std::size_t at) override {
    bytes_.fill(static_cast<std::byte>(objects_[at].value));
    return bytes_;
  }
  void release(std::size_t /*at*/) noexcept override {}

 private:
  const std::uint32_t part_;
  const std::vector<WrittenPart> objects_;
  std::array<std::byte, bytes_of_one> bytes_{};
};

/// A checkpoint of three nodes, whatever the ranks of this job are on.
class SharedTables : public testing::Test {
 protected:
  void write(const std::array<std::vector<WrittenPart>, nodes_written>& objects) const {
    if (job::rank() == 0) {
      storage::MasterFile master;
      master.facts = {.id = 77, .parts = nodes_written};
      master.origins = {{.incarnation = 5, .store = 1}};
      master.parts_folder = storage::parts_folder(path_);
      std::filesystem::create_directory(master.parts_folder);
      std::vector<std::unique_ptr<storage::PartWriter>> writers;
      for (std::uint32_t part = 0; part < nodes_written; ++part) {
        writers.push_back(std::make_unique<storage::PartWriter>(
            master.parts_folder + '/' + storage::part_file(77, part), master.facts,
            std::make_unique<WrittenObjects>(part, objects[part]), std::vector<HandleRow>()));
        master.parts.push_back(writers.back()->row());
      }
      storage::MasterWriter writer(path_, master);
      for (const auto& part : writers) {
        part->write();
      }
      writer.publish();
    }
    job::barrier();
  }

  static void expect_value(const Store& store, const std::string& name, std::int8_t value) {
    const auto found = store.get<std::int8_t[]>(name);
    ASSERT_TRUE(found.has_value()) << name << ": " << found.error().what();
    EXPECT_EQ(found->size(), bytes_of_one) << name;
    EXPECT_EQ(std::ranges::count(*found, value), static_cast<std::ptrdiff_t>(bytes_of_one)) << name;
  }

  const job::SharedFolder folder_;
  const std::string path_ = folder_ / "shared.h5";
};

// What this process has read from files, also what the system had in memory; 0 if that is not counted.
std::uint64_t bytes_read() {
  std::ifstream counters("/proc/self/io");
  std::string name;
  for (std::uint64_t value = 0; counters >> name >> value;) {
    if (name == "rchar:") {
      return value;
    }
  }
  return 0;
}

TEST_F(SharedTables, AreReadOnceInTheJob) {
  constexpr std::size_t names_of_a_part = 60;
  constexpr std::size_t name_bytes = 8000;
  std::array<std::vector<WrittenPart>, nodes_written> objects;
  for (std::size_t part = 0; part < nodes_written; ++part) {
    for (std::size_t at = 0; at < names_of_a_part; ++at) {
      std::string name = std::to_string(part) + '/' + std::to_string(at) + '/';
      name.resize(name_bytes, 'n');
      objects[part].push_back(
          {std::move(name), 1, static_cast<std::int8_t>(part * names_of_a_part / 2 + at)});
    }
  }
  write(objects);
  Runtime runtime(MPI_COMM_WORLD, of_shares);
  const std::uint64_t before = bytes_read();
  if (before == 0) {
    GTEST_SKIP() << "nobody counts here what a process reads";
  }
  const auto restored = runtime.restore("later", path_, {.lazy = true}).value();
  const auto read = job::everybodys(bytes_read() - before);
  EXPECT_EQ(restored.objects, nodes_written * names_of_a_part);
  constexpr std::uint64_t tables =
      nodes_written * names_of_a_part * (name_bytes + sizeof(storage::ObjectRow));
  constexpr std::uint64_t to_open = 64 * 1024;  // the file that was named, and those of the parts
  const std::uint64_t all = std::accumulate(read.begin(), read.end(), std::uint64_t{0});
  EXPECT_GE(all, tables);
  EXPECT_LE(all, tables + read.size() * to_open);
  for (std::size_t rank = 0; rank < read.size(); ++rank) {
    const std::uint64_t most = (nodes_written + read.size() - 1) / read.size();
    EXPECT_LE(read[rank], tables / nodes_written * most + to_open) << "rank " << rank;
  }
  for (std::size_t part = 0; part < nodes_written; ++part) {
    const WrittenPart& last = objects[part].back();
    expect_value(runtime.store("later"), last.name, last.value);
  }
}

TEST_F(SharedTables, GiveTheLatestOfANameThatIsInSeveral) {
  std::array<std::vector<WrittenPart>, nodes_written> objects;
  for (std::size_t part = 0; part < nodes_written; ++part) {
    const auto number = static_cast<std::int8_t>(part);
    for (int at = 0; at < 20; ++at) {
      objects[part].push_back({"own/" + std::to_string(part) + '/' + std::to_string(at), 1, number});
      const auto latest = static_cast<std::size_t>(at) % nodes_written;
      objects[part].push_back({"both/" + std::to_string(at), part == latest ? 9U : 3U + part, number});
    }
    objects[part].push_back({"", 0, number});
  }
  write(objects);
  for (const bool lazy : {false, true}) {
    Runtime runtime(MPI_COMM_WORLD, of_shares);
    const auto restored = runtime.restore("later", path_, {.lazy = lazy}).value();
    EXPECT_EQ(restored.objects, nodes_written * 20 + 20 + nodes_written);
    EXPECT_EQ(restored.bytes, restored.objects * bytes_of_one);
    EXPECT_EQ(runtime.restore("some", path_, {.prefix = "both/1", .lazy = lazy}).value().objects, 11U);
    const Store store = runtime.store("later");
    for (int at = 0; at < 20; ++at) {
      expect_value(store, "both/" + std::to_string(at),
                   static_cast<std::int8_t>(at % static_cast<int>(nodes_written)));
      expect_value(store, "own/2/" + std::to_string(at), 2);
    }
  }
}

}  // namespace
}  // namespace locum
