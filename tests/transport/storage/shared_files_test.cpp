// Incremental checkpoints, as one node writes them: which files they share, that each stays whole whatever is
// removed, and that one can be made whole again.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/value/error.hpp"
#include "transport/storage/hdf5/checkpoint_series.hpp"
#include "transport/storage/hdf5/compact_checkpoint.hpp"
#include "transport/storage/hdf5/dataset_path.hpp"
#include "transport/storage/hdf5/master_file.hpp"
#include "transport/storage/hdf5/part_reader.hpp"
#include "transport/storage/hdf5/part_writer.hpp"

namespace locum::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t store_number = 3;

/// An object: its bytes follow from its serial.
struct Value {
  std::uint64_t serial = 0;
  std::uint64_t size_bytes = 0;
};
using Values = std::map<std::string, Value>;

std::vector<std::byte> content(const Value& value) {
  std::vector<std::byte> bytes(value.size_bytes);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    bytes[at] = static_cast<std::byte>(at / 97 + value.serial * 31);
  }
  return bytes;
}

class ValueObjects final : public PartObjects {
 public:
  explicit ValueObjects(const Values& values) : values_(values.begin(), values.end()) {}
  [[nodiscard]] std::size_t size() const noexcept override { return values_.size(); }
  [[nodiscard]] ObjectFacts facts(std::size_t at) const override {
    const auto& [name, value] = values_[at];
    return {.key = {store_number, 0, value.serial},
            .size_bytes = value.size_bytes,
            .layout = Layout::array,
            .extents = {},
            .type_name = "i8[]",
            .name = name};
  }
  [[nodiscard]] std::span<const std::byte> bytes(std::size_t at) override {
    bytes_ = content(values_[at].second);
    return bytes_;
  }
  void release(std::size_t /*at*/) noexcept override {}

 private:
  const std::vector<std::pair<std::string, Value>> values_;
  std::vector<std::byte> bytes_;
};

class SharedFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "locum_shared_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + '/' + name; }

  /// As a runtime does; up to the moment when its process is killed, if `until` says so.
  enum class Until { made, parts_named, complete };
  void write(const std::string& file, const Values& values, Until until = Until::complete,
             const CheckpointOptions& options = {}) {
    MasterFile master;
    master.facts = {.id = ++last_id_, .parts = 1};
    master.origins = {{.incarnation = 5, .store = store_number}};
    master.time_ns = last_id_;
    master.parts_folder = parts_folder(file);
    fs::create_directory(master.parts_folder);
    auto part = std::make_unique<PartWriter>(master.parts_folder + '/' + part_file(last_id_, 0), master.facts,
                                             std::make_unique<ValueObjects>(values), std::vector<HandleRow>(),
                                             chunking_of(options), earlier_);
    master.parts.push_back(part->row());
    auto writer = std::make_unique<MasterWriter>(file, master);
    if (until != Until::made) {
      part->write();
    }
    reused_ = part->reused_bytes();
    if (until != Until::complete) {
      dead_parts_.push_back(std::move(part));  // a killed process removes nothing
      dead_writers_.push_back(std::move(writer));
      return;
    }
    writer->publish();
    remove_other_parts(file, part_names(writer->master()));
    earlier_ = std::make_shared<const PartContents>(part->contents(store_number, 0));
  }

  static void expect_values(const std::string& file, const Values& values) {
    const MasterFile master = read_master(file);
    PartReader part = open_part(master, 0);
    EXPECT_EQ(part.rows().size(), values.size());
    for (const ObjectRow& row : part.rows()) {
      ASSERT_TRUE(part.is_whole(row));
      const auto value = values.find(std::string(part.name(row)));
      ASSERT_NE(value, values.end());
      std::vector<std::byte> bytes(row.size_bytes);
      part.read(row, bytes);
      EXPECT_EQ(bytes, content(value->second)) << value->first;
    }
  }
  /// The names in the folder of parts; sorted.
  static std::vector<std::string> parts_of(const std::string& file) {
    std::vector<std::string> names;
    for (const auto& each : fs::directory_iterator(parts_folder(file))) {
      names.push_back(each.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }
  /// Each file counts once, whatever names it has.
  [[nodiscard]] std::uint64_t bytes_on_disk() const {
    std::set<ino_t> seen;
    std::uint64_t bytes = 0;
    for (const auto& each : fs::recursive_directory_iterator(folder_)) {
      struct stat facts {};
      if (each.is_regular_file() && ::stat(each.path().c_str(), &facts) == 0 &&
          seen.insert(facts.st_ino).second) {
        bytes += static_cast<std::uint64_t>(facts.st_size);
      }
    }
    return bytes;
  }

  std::string folder_;
  std::uint64_t last_id_ = 0x0123456789abcd00;
  std::uint64_t reused_ = 0;
  std::shared_ptr<const PartContents> earlier_;
  // Destroyed when the folder is gone.
  std::vector<std::unique_ptr<PartWriter>> dead_parts_;
  std::vector<std::unique_ptr<MasterWriter>> dead_writers_;
};

TEST(WorthSharing, TakesFilesOfWhichHalfIsInUse) {
  EXPECT_EQ(worth_sharing({{100, 100}, {100, 50}, {100, 49}, {100, 0}, {0, 0}}),
            (std::vector<bool>{true, true, false, false, false}));
}

TEST(WorthSharing, TakesTheLargestIfThereAreTooMany) {
  std::vector<FileUse> files(most_shared_files, FileUse{10, 10});
  EXPECT_EQ(std::ranges::count(worth_sharing(files), true), most_shared_files);
  files.push_back({1000, 900});
  const std::vector<bool> worth = worth_sharing(files);
  EXPECT_TRUE(worth.back());
  EXPECT_EQ(std::ranges::count(worth, true), most_shared_files / 2);
}

constexpr std::uint64_t large = 128 * 1024;

TEST_F(SharedFilesTest, WritesWhatIsNewAndNothingElse) {
  Values values{{"fixed", {1, 4 * large}}, {"T/moving", {2, large}}, {"small", {3, 100}}};
  write(path("1.h5"), values);
  EXPECT_EQ(reused_, 0U);
  const std::uint64_t first = bytes_on_disk();
  values["T/moving"] = {4, large};
  write(path("2.h5"), values);
  EXPECT_EQ(reused_, 4 * large);
  const std::uint64_t second = bytes_on_disk();
  values["T/moving"] = {5, 2 * large};  // one that is larger by this, and nothing else differs
  write(path("3.h5"), values);
  const std::uint64_t third = bytes_on_disk();
  EXPECT_EQ(third - second, second - first + large);
  EXPECT_LT(second - first, large + 64 * 1024) << "and the tables";
  EXPECT_EQ(parts_of(path("3.h5")),
            (std::vector<std::string>{part_file(last_id_ - 2, 0), part_file(last_id_, 0)}));
  // In any order, by any hand.
  fs::remove(path("1.h5"));
  fs::remove_all(path("1.h5.parts"));
  fs::rename(path("3.h5"), path("moved.h5"));
  fs::remove(path("2.h5"));
  fs::remove_all(path("2.h5.parts"));
  expect_values(path("moved.h5"), values);
}

// What a checkpoint takes is bounded, and so is what is written again, and each one is whole: while objects
// come and stay; while most of each file is replaced by the next; and while any of them is replaced.
TEST_F(SharedFilesTest, StaysBoundedInALongSeries) {
  constexpr std::uint64_t phase = 20;
  Values values;
  std::uint64_t serial = 0;
  const std::string file = path("series.h5");
  std::uint64_t new_bytes = 0;
  std::uint64_t written = 0;
  const auto put = [&](const std::string& name) {
    values[name] = {++serial, packed_below + (serial % 3) * 4096};
    new_bytes += values[name].size_bytes;
  };
  for (std::uint64_t step = 0; step < 3 * phase; ++step) {
    if (step < 2 * phase) {
      put("lasting/" + std::to_string(step));
    }
    for (std::uint64_t which = 0; which < 7 && step / phase == 1; ++which) {
      put("moving/" + std::to_string(which));
    }
    if (step >= 2 * phase) {
      put("lasting/" + std::to_string(step * 7 % (2 * phase)));
    }
    write(file, values);
    std::uint64_t payload = 0;
    for (const auto& [name, value] : values) {
      payload += value.size_bytes;
    }
    written += payload - reused_;
    ASSERT_LE(parts_of(file).size(), most_shared_files + 1) << step;
    ASSERT_LE(bytes_on_disk(), 2 * payload + 64 * 1024) << step;
    if (step % 10 == 9) {
      expect_values(file, values);
    }
  }
  EXPECT_LT(written, 3 * new_bytes);
}

// As ranks do that restore what another one has found in the tables.
TEST_F(SharedFilesTest, ReadsRowsThatAnotherReaderHasPacked) {
  Values values{{"fixed", {1, 4 * large}}, {"moving", {2, large}}, {"small", {3, 100}}, {"tiny", {4, 3}}};
  write(path("1.h5"), values);
  values["moving"] = {5, large};
  write(path("2.h5"), values);
  const MasterFile master = read_master(path("2.h5"));
  const PartReader whole = open_part(master, 0);
  std::vector<const ObjectRow*> rows;
  for (const ObjectRow& row : whole.rows()) {
    if (whole.name(row) != "small") {
      rows.push_back(&row);
    }
  }
  const std::vector<std::byte> packed = whole.packed(rows);
  PartReader some = open_part(master, 0, packed);
  ASSERT_EQ(some.rows().size(), 3U);
  for (const ObjectRow& row : some.rows()) {
    const Value& value = values.at(std::string(some.name(row)));
    EXPECT_EQ(some.type(row), "i8[]");
    EXPECT_EQ(some.shared_file(row) != nullptr, some.name(row) == "fixed");
    std::vector<std::byte> bytes(row.size_bytes);
    some.read(row, bytes);
    EXPECT_EQ(bytes, content(value)) << some.name(row);
  }
  EXPECT_EQ(open_part(master, 0, whole.packed({})).rows().size(), 0U);
  const auto is_refused = [&](const std::vector<std::byte>& sent) {
    try {
      (void)open_part(master, 0, sent);
      return false;
    } catch (const Error& error) {
      return error.code() == Errc::corrupt;
    }
  };
  for (std::size_t bytes = 0; bytes < packed.size(); bytes += 1 + bytes / 16) {
    EXPECT_TRUE(is_refused({packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(bytes)})) << bytes;
  }
  for (std::size_t at = 0; at < 24 + 3 * sizeof(ObjectRow); at += 7) {  // the head, and the rows
    std::vector<std::byte> other = packed;
    other[at] ^= std::byte{0x40};
    EXPECT_TRUE(is_refused(other)) << at;
  }
}

TEST_F(SharedFilesTest, LeavesTheOlderOneWhereTheProcessIsKilled) {
  const Values old{{"fixed", {1, 4 * large}}, {"moving", {2, large}}};
  Values values = old;
  write(path("same.h5"), old);
  values["moving"] = {3, large};
  for (const Until until : {Until::made, Until::parts_named}) {
    write(path("same.h5"), values, until);
    EXPECT_EQ(reused_, 4 * large);
    expect_values(path("same.h5"), old);
    remove_other_parts(path("same.h5"), part_names(read_master(path("same.h5"))));
    EXPECT_EQ(parts_of(path("same.h5")), part_names(read_master(path("same.h5"))));
    expect_values(path("same.h5"), old);
    // Another path: what is left there is found by what was to be the named file.
    write(path("step1.h5"), values, until);
    EXPECT_EQ(parts_of(path("step1.h5")).size(), 2U);
    (void)roll(path("step2.h5"), "fields", 1);
    EXPECT_FALSE(fs::exists(path("step1.h5.parts")));
    EXPECT_FALSE(fs::exists(path("step1.h5.tmp")));
  }
  write(path("same.h5"), values);
  expect_values(path("same.h5"), values);
}

TEST_F(SharedFilesTest, DoesNotShareWhatIsNoLongerTheFileThatWasWritten) {
  const Values values{{"fixed", {1, 4 * large}}};
  const auto change = [&](const std::string& name, auto how) {
    write(path(name), values);
    how(path(name + ".parts/" + part_file(last_id_, 0)));
    write(path("next " + name), values);
    EXPECT_EQ(reused_, 0U) << name;
    expect_values(path("next " + name), values);
    earlier_ = nullptr;
  };
  change("damaged.h5", [](const std::string& part) {
    std::fstream file(part, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(9000);
    file.put('x');
    file.close();
    fs::last_write_time(part, fs::file_time_type::clock::now() + std::chrono::seconds(1));
  });
  change("short.h5", [](const std::string& part) { fs::resize_file(part, fs::file_size(part) - 1); });
  change("copied.h5", [](const std::string& part) {
    fs::copy_file(part, part + "2");
    fs::rename(part + "2", part);
  });
  change("removed.h5", [](const std::string& part) { fs::remove(part); });
}

// The folder of the next one has another file under that name: it may be all that an older one has.
TEST_F(SharedFilesTest, ReplacesNoFileOfAnOlderOne) {
  const Values values{{"fixed", {1, 4 * large}}};
  write(path("1.h5"), values);
  const std::string part = part_file(last_id_, 0);
  fs::create_directory(path("2.h5.parts"));
  fs::copy_file(path("1.h5.parts/" + part), path("2.h5.parts/" + part));
  write(path("2.h5"), values);
  EXPECT_EQ(reused_, 0U);
}

TEST_F(SharedFilesTest, HasAFormatThatOlderReadersRefuse) {
  const auto format_of = [](const std::string& file) {
    const Identifier opened = open_hdf5(file);
    const Identifier group(H5Gopen2(opened.get(), own_group, H5P_DEFAULT), H5Gclose, "opening");
    return attribute(group, "format");
  };
  const Values values{{"fixed", {1, 4 * large}}};
  write(path("1.h5"), values);
  EXPECT_EQ(format_of(path("1.h5")), whole_format) << "it shares nothing";
  EXPECT_EQ(format_of(path("1.h5.parts/" + part_file(last_id_, 0))), whole_format);
  write(path("2.h5"), values);
  EXPECT_EQ(format_of(path("2.h5")), incremental_format);
  EXPECT_EQ(format_of(path("2.h5.parts/" + part_file(last_id_, 0))), incremental_format);
}

// What is asked of the disk before a file is made has to be enough for names of any kind.
TEST_F(SharedFilesTest, TakesNoMoreForAPathThanWasAskedFor) {
  const std::string deep(2000, '/');
  std::vector<std::uintmax_t> parts;
  std::vector<std::uintmax_t> masters;
  for (const std::string& name : {std::string("x"), deep}) {
    earlier_.reset();
    const std::string file = path(std::to_string(name.size()) + ".h5");
    const Values values{{name, {1, 2 * packed_below}}};
    write(file, values);
    expect_values(file, values);
    parts.push_back(fs::file_size(parts_folder(file) + '/' + parts_of(file).front()));
    masters.push_back(fs::file_size(file));
  }
  const std::uint64_t asked = most_bytes_of_path(dataset_path(deep));
  EXPECT_LE(parts[1] - parts[0], asked);
  EXPECT_LE(masters[1] - masters[0], asked);
}

/// The code of the error that a call throws; `Errc{}` for none.
template <class Call>
Errc thrown_by(Call call) {
  try {
    call();
    return Errc{};
  } catch (const Error& error) {
    return error.code();
  }
}

TEST_F(SharedFilesTest, IsReadFromTheFilesThatWereWrittenWithIt) {
  write(path("1.h5"), {{"fixed", {1, 4 * large}}});
  const std::string before = path("1.h5.parts/" + part_file(last_id_, 0));
  earlier_ = nullptr;
  write(path("2.h5"), {{"fixed", {2, 4 * large}}});
  const std::string part = path("2.h5.parts/" + part_file(last_id_, 0));
  ASSERT_EQ(fs::file_size(before), fs::file_size(part));
  const auto read = [&] { (void)open_part(read_master(path("2.h5")), 0); };
  EXPECT_EQ(thrown_by(read), Errc{});
  fs::copy_file(before, part, fs::copy_options::overwrite_existing);
  EXPECT_EQ(thrown_by(read), Errc::corrupt) << "of another checkpoint";
  fs::remove(part);
  EXPECT_EQ(thrown_by(read), Errc::not_found);
}

TEST_F(SharedFilesTest, ShowsNoBytesThatWereChanged) {
  const Value value{1, 4 * large};
  write(path("1.h5"), {{"fixed", value}});
  PartReader part = open_part(read_master(path("1.h5")), 0);
  const ObjectRow& row = part.rows().front();
  std::vector<std::byte> bytes(value.size_bytes);
  const auto read = [&] { part.read(row, bytes); };
  EXPECT_EQ(thrown_by(read), Errc{});
  std::fstream file(part.file(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(part.find(row).value() + 7));
  file.put('x');
  file.close();
  EXPECT_EQ(thrown_by(read), Errc::corrupt);
  EXPECT_EQ(thrown_by([&] { part.verify(row); }), Errc::corrupt)
      << "what is restored later is looked at, too";
}

class CompactTest : public SharedFilesTest {
 protected:
  /// An incremental checkpoint with three files, at that path.
  void write_incremental(const std::string& name, const CheckpointOptions& options = {}) {
    values_ = {{"T", {1, 4 * large}}, {"small", {2, 100}}};
    write(path("0.h5"), values_, Until::complete, options);
    values_["T/0"] = {3, large};  // now T is a group, too
    write(path("1.h5"), values_, Until::complete, options);
    values_["other"] = {4, large};
    write(path(name), values_, Until::complete, options);
    ASSERT_EQ(parts_of(path(name)).size(), 3U);
  }

  Values values_;
};

TEST_F(CompactTest, MakesItWhole) {
  write_incremental("step.h5");
  const std::uint64_t before = read_master(path("step.h5")).time_ns;
  const Compacted done = compact_checkpoint(path("step.h5"));
  EXPECT_EQ(done.objects, 4U);
  EXPECT_EQ(done.bytes, 6 * large + 100);
  EXPECT_EQ(done.shared, 2U);
  EXPECT_EQ(done.old_folder, "");
  const MasterFile whole = read_master(path("step.h5"));
  EXPECT_TRUE(whole.files.empty());
  EXPECT_EQ(whole.time_ns, before) << "its place in the series is the same";
  EXPECT_EQ(parts_of(path("step.h5")).size(), 1U);
  struct stat facts {};
  ASSERT_EQ(::stat(path("step.h5.parts/" + parts_of(path("step.h5"))[0]).c_str(), &facts), 0);
  EXPECT_EQ(facts.st_nlink, 1U) << "nobody else has it";
  expect_values(path("step.h5"), values_);
  EXPECT_EQ(compact_checkpoint(path("step.h5")).shared, 0U);
  expect_values(path("step.h5"), values_);
}

TEST_F(CompactTest, KeepsTheCompression) {
  if (H5Zfilter_avail(H5Z_FILTER_DEFLATE) <= 0) {
    GTEST_SKIP() << "this HDF5 cannot compress";
  }
  write_incremental("step.h5", {.compress = 4});
  (void)compact_checkpoint(path("step.h5"));
  expect_values(path("step.h5"), values_);
  EXPECT_LT(fs::file_size(path("step.h5.parts/" + parts_of(path("step.h5"))[0])), 3 * large);
}

/// A filter of HDF5: each run of equal bytes becomes its length and the byte.
std::size_t encode_runs(unsigned flags, std::size_t /*count*/, const unsigned* /*values*/, std::size_t bytes,
                        std::size_t* room, void** buffer) {
  const std::vector<std::uint8_t> from(static_cast<std::uint8_t*>(*buffer),
                                       static_cast<std::uint8_t*>(*buffer) + bytes);
  std::vector<std::uint8_t> to;
  for (std::size_t at = 0; at + 1 < bytes && (flags & H5Z_FLAG_REVERSE) != 0; at += 2) {
    to.insert(to.end(), from[at], from[at + 1]);
  }
  for (std::size_t at = 0; at < bytes && (flags & H5Z_FLAG_REVERSE) == 0;) {
    std::uint8_t run = 1;
    while (run < 255 && at + run < bytes && from[at + run] == from[at]) {
      ++run;
    }
    to.insert(to.end(), {run, from[at]});
    at += run;
  }
  H5free_memory(*buffer);
  *buffer = H5allocate_memory(to.size(), false);
  std::ranges::copy(to, static_cast<std::uint8_t*>(*buffer));
  *room = to.size();
  return to.size();
}

TEST_F(CompactTest, KeepsAnotherFilterAndTheSizeOfChunks) {
  constexpr H5Z_filter_t number = 300;  // of those for tests
  const H5Z_class2_t filter{H5Z_CLASS_T_VERS, number, 1, 1, "runs", nullptr, nullptr, encode_runs};
  ASSERT_GE(H5Zregister(&filter), 0);
  const auto expect_kept = [&] {
    const PartReader part = open_part(read_master(path("step.h5")), 0);
    const auto row = std::ranges::find(part.rows(), 4 * large, &ObjectRow::size_bytes);
    ASSERT_NE(row, part.rows().end());
    const Chunking chunking = part.chunking(*row);
    EXPECT_EQ(chunking.filter, number);
    EXPECT_EQ(chunking.values, std::vector<unsigned>({7, 8}));
    EXPECT_EQ(chunking.chunk_bytes, 8192U);
  };
  write_incremental("step.h5", {.filter = number, .filter_values = {7, 8}, .chunk_bytes = 8192});
  expect_kept();
  (void)compact_checkpoint(path("step.h5"));
  expect_kept();
  expect_values(path("step.h5"), values_);
  EXPECT_LT(fs::file_size(path("step.h5.parts/" + parts_of(path("step.h5"))[0])), 3 * large);
  ASSERT_GE(H5Zunregister(number), 0);
  PartReader part = open_part(read_master(path("step.h5")), 0);
  try {
    part.verify(*std::ranges::find(part.rows(), 4 * large, &ObjectRow::size_bytes));
    ADD_FAILURE() << "read without its filter";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::unsupported) << error.what();
    EXPECT_NE(std::string(error.what()).find("300"), std::string::npos) << error.what();
  }
}

TEST_F(CompactTest, LeavesADamagedOneAsItIs) {
  write_incremental("step.h5");
  const std::vector<std::string> parts = parts_of(path("step.h5"));
  const std::string shared = path("step.h5.parts/" + parts.front());
  fs::resize_file(shared, fs::file_size(shared) - 1);
  try {
    (void)compact_checkpoint(path("step.h5"));
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::corrupt);
    EXPECT_EQ(error.key(), "T") << error.what();
    EXPECT_NE(std::string(error.what()).find(shared), std::string::npos) << error.what();
  }
  EXPECT_EQ(parts_of(path("step.h5")), parts);
  EXPECT_FALSE(fs::exists(path("step.h5.tmp")));
}

TEST_F(CompactTest, LeavesTheFolderOfOneThatWasRenamed) {
  write_incremental("step.h5");
  fs::rename(path("step.h5"), path("best.h5"));
  EXPECT_EQ(compact_checkpoint(path("best.h5")).old_folder, path("step.h5.parts"));
  fs::remove_all(path("step.h5.parts"));
  expect_values(path("best.h5"), values_);
}

}  // namespace
}  // namespace locum::storage
