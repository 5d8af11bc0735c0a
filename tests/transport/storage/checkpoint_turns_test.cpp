// What checkpoints do by HDF5 waits while another thread calls it: it may not be built for several threads.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "transport/storage/hdf5/dataset.hpp"
#include "transport/storage/hdf5/master_file.hpp"
#include "transport/storage/hdf5/part_reader.hpp"
#include "transport/storage/hdf5/part_writer.hpp"

namespace locum::storage {
namespace {

using namespace std::chrono_literals;

/// One object that has a dataset of its own.
class OneObject final : public PartObjects {
 public:
  [[nodiscard]] std::size_t size() const noexcept override { return 1; }
  [[nodiscard]] ObjectFacts facts(std::size_t /*at*/) const override {
    return {.key = {1, 0, 1}, .size_bytes = bytes_.size(), .extents = {}, .type_name = "i8", .name = "one"};
  }
  [[nodiscard]] std::span<const std::byte> bytes(std::size_t /*at*/) override { return bytes_; }
  void release(std::size_t /*at*/) noexcept override {}

 private:
  std::vector<std::byte> bytes_{packed_below};
};

class CheckpointTurns : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "locum_turns_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// Whether that call ends only after another thread has let go of HDF5.
  template <class Call>
  [[nodiscard]] static bool takes_turns(Call call) {
    std::future<void> done;
    bool waited = false;
    {
      const MutexLock lock(hdf5_mutex());
      done = std::async(std::launch::async, call);
      waited = done.wait_for(50ms) == std::future_status::timeout;
    }
    done.get();
    return waited;
  }

  std::string folder_;
};

TEST_F(CheckpointTurns, AreTakenByAllThatCallsHdf5) {
  const std::string path = folder_ + "/step.h5";
  MasterFile master;
  master.facts = {.id = 7, .parts = 1};
  master.origins.resize(1);
  master.parts_folder = parts_folder(path);
  std::filesystem::create_directory(master.parts_folder);
  std::optional<PartWriter> part;
  std::optional<MasterWriter> writer;
  std::optional<PartReader> reader;
  EXPECT_TRUE(takes_turns([] { (void)chunking_of({.compress = 1}); }));
  EXPECT_TRUE(takes_turns([&] {
    part.emplace(master.parts_folder + '/' + part_file(7, 0), master.facts, std::make_unique<OneObject>(),
                 std::vector<HandleRow>());
  }));
  master.parts.push_back(part->row());
  EXPECT_TRUE(takes_turns([&] { writer.emplace(path, master); }));
  part->write();
  writer->publish();
  EXPECT_TRUE(takes_turns([&] { master = read_master(path); }));
  EXPECT_TRUE(takes_turns([&] { reader.emplace(open_part(master, 0)); }));
  const auto packed = reader->packed(std::array{&reader->rows()[0]});
  EXPECT_TRUE(takes_turns([&] { reader.emplace(open_part(master, 0, packed)); }));
  std::vector<std::byte> bytes(packed_below);
  EXPECT_TRUE(takes_turns([&] { reader->read(reader->rows()[0], bytes); }));
  EXPECT_TRUE(takes_turns([&] { reader.reset(); }));
}

}  // namespace
}  // namespace locum::storage
