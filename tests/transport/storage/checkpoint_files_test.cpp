// The port through which the protocol of checkpoints reaches their files, without that protocol.
#include "transport/storage/hdf5/checkpoint_files.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/checkpoint_options.hpp"
#include "core/node/local.hpp"
#include "core/value/error.hpp"
#include "core/value/type_name.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/files/files.hpp"
#include "transport/storage/hdf5/checkpoint_layout.hpp"

namespace locum::storage {
namespace {

class CheckpointFilesTest : public testing::Test {
 protected:
  static constexpr std::uint32_t store_number = 4;
  static constexpr std::size_t large = 100'000;  // has a dataset of its own, which may be shared

  /// Puts a named array of bytes, each of which is `value`.
  void put(const std::string& name, std::size_t size_bytes, std::byte value) {
    ObjectMeta meta;
    meta.store = store_number;
    meta.name = name;
    meta.type_name = "i8[]";
    meta.type_hash = text_hash(meta.type_name);
    meta.layout = Layout::array;
    const auto draft = objects_->create(size_bytes, meta, {}).value();
    std::ranges::fill(draft.bytes, value);
    keys_[name] = objects_->seal(draft, {}, {}).value().key;
  }

  [[nodiscard]] PartDraft draft(std::uint64_t id, std::vector<HandleRow> handles = {}) {
    PartDraft all{.facts = {.id = id, .parts = 1}, .store_name = "fields", .store = store_number};
    for (const auto& [name, key] : keys_) {
      all.objects.push_back({objects_->get(Address(key), {}).value()});
    }
    all.handles = std::move(handles);
    return all;
  }

  /// Writes a checkpoint of one node, and returns the sizes of its part.
  PartWriting::Sizes write(const std::string& path, std::uint64_t id, const CheckpointOptions& options = {},
                           std::vector<HandleRow> handles = {}) {
    const auto checkpoint = files_->begin(path, "fields", options);
    const auto part = files_->make_part(path, draft(id, std::move(handles)), options);
    checkpoint->make({.facts = {.id = id, .parts = 1},
                      .store_options = {.checksum = true},
                      .origins = {{.incarnation = 9, .store = store_number}},
                      .parts = {part->sizes().row},
                      .parts_folder = {}});
    part->write({});
    checkpoint->publish();
    part->remember();
    return part->sizes();
  }

  template <class Call>
  static Errc code_of(Call call) {
    try {
      call();
    } catch (const Error& error) {
      return error.code();
    }
    return Errc{};
  }

  const tests::TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/step0007.h5";
  const std::shared_ptr<Connector> objects_ = open_local();
  std::map<std::string, Key> keys_;
  const std::shared_ptr<CheckpointFiles> files_ = open_checkpoint_files();
};

// As any HDF5 file: the file of a node has the objects, the named one has links to it, which are not
// followed.
TEST_F(CheckpointFilesTest, AreLoadedByFiles) {
  put("T", large, std::byte{7});
  put("fields/p", large, std::byte{3});
  put("small", 100, std::byte{1});
  write(path_, 42, {.compress = 1});
  const Files files("file:" + folder_.path());
  const std::string part = "step0007.h5.parts/" + part_file(42, 0);
  const Record objects = files.load(part).value();
  EXPECT_EQ(objects["T"].as<std::vector<std::int8_t>>().value(), std::vector<std::int8_t>(large, 7));
  EXPECT_EQ(objects["fields"]["p"].as<std::vector<std::int8_t>>().value(),
            std::vector<std::int8_t>(large, 3));
  EXPECT_EQ(objects[".locum"]["objects"]["size_bytes"].array().size(), 3U);
  EXPECT_EQ(files.load<std::int8_t[]>(part, {.options = {{"dataset", "T"}}}).value().size(), large);

  const auto linked = files.load("step0007.h5");
  EXPECT_EQ(linked.error().code(), Errc::unsupported);
  EXPECT_NE(linked.error().text().find(part_file(42, 0)), std::string::npos) << linked.error().what();
  const Record info = files.info("step0007.h5").value();
  EXPECT_NE(info["T"].get<std::string>("type").value().find("another file"), std::string::npos);
  EXPECT_TRUE(files.load("step0007.h5", {.options = {{"skip", true}}}).value()["T"].is_null());
}

TEST_F(CheckpointFilesTest, ReadsWhatWasWritten) {
  put("a", 10, std::byte{1});
  put("b", large, std::byte{2});
  const auto sizes = write(path_, 77, {}, {{.identity = 5, .object = 6}});
  EXPECT_EQ(sizes.row.objects, 2U);
  EXPECT_EQ(sizes.payload_bytes, 10 + large);
  EXPECT_EQ(sizes.reused_bytes, 0U);

  const auto checkpoint = files_->open(path_);
  const CheckpointContents& contents = checkpoint->contents();
  EXPECT_EQ(contents.facts.id, 77U);
  EXPECT_EQ(contents.parts.size(), 1U);
  EXPECT_EQ(contents.origins.front().incarnation, 9U);
  EXPECT_TRUE(contents.store_options.checksum);
  EXPECT_EQ(contents.parts_folder, files_->parts_folder(path_));

  const auto part = checkpoint->open(0, true);
  ASSERT_EQ(part->size(), 2U);
  EXPECT_EQ(part->handles().size(), 1U);
  std::vector<std::size_t> all{0, 1};
  // Another rank has the part without reading its table, and no handles.
  const auto other = checkpoint->open_packed(0, part->packed(all));
  ASSERT_EQ(other->size(), 2U);
  EXPECT_EQ(other->handles().size(), 0U);
  for (PartReading* const reader : std::array{part.get(), other.get()}) {
    for (std::size_t at = 0; at < reader->size(); ++at) {
      ASSERT_TRUE(reader->is_whole(at));
      const ObjectFacts facts = reader->facts(at);
      const bool is_first = facts.name == "a";
      EXPECT_EQ(facts.key, keys_.at(std::string(facts.name)));
      EXPECT_EQ(facts.size_bytes, is_first ? 10U : large);
      EXPECT_EQ(facts.type_name, "i8[]");
      EXPECT_EQ(facts.type_hash, text_hash("i8[]"));
      EXPECT_EQ(facts.layout, Layout::array);
      std::vector<std::byte> bytes(facts.size_bytes);
      reader->read(at, bytes);
      EXPECT_EQ(std::ranges::count(bytes, is_first ? std::byte{1} : std::byte{2}),
                static_cast<std::ptrdiff_t>(bytes.size()));
      const FilePart later = reader->file_part(at, true);
      EXPECT_EQ(later.path, reader->path());
      EXPECT_EQ(later.count, std::vector<std::uint64_t>{facts.size_bytes});
      EXPECT_EQ(later.of_checkpoint, 1);
      EXPECT_EQ(later.is_plain, 1);
      EXPECT_EQ(later.name, "");
    }
  }
}

TEST_F(CheckpointFilesTest, SharesTheFilesOfTheLastCompleteOne) {
  put("a", large, std::byte{1});
  EXPECT_EQ(write(path_, 1, {.incremental = true}).reused_bytes, 0U);
  put("b", large, std::byte{2});
  const std::string second = folder_.path() + "/step0008.h5";
  EXPECT_EQ(write(second, 2, {.incremental = true}).reused_bytes, large);
  EXPECT_EQ(write(second, 3).reused_bytes, 0U) << "it is not to share any";
  EXPECT_EQ(open_checkpoint_files()->make_part(second, draft(4), {.incremental = true})->sizes().reused_bytes,
            0U)
      << "another runtime has written it";
}

TEST_F(CheckpointFilesTest, LeavesNothingThatWasNotPublished) {
  put("a", large, std::byte{1});
  {
    const auto checkpoint = files_->begin(path_, "fields", {});
    EXPECT_EQ(code_of([&] { (void)files_->begin(path_, "fields", {}); }), Errc::system) << "it is locked";
    const auto part = files_->make_part(path_, draft(1), {});
    checkpoint->make({.facts = {.id = 1, .parts = 1},
                      .store_options = {},
                      .origins = {{.incarnation = 9, .store = store_number}},
                      .parts = {part->sizes().row},
                      .parts_folder = {}});
    part->write({});
    part->take_back();
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(std::filesystem::exists(files_->parts_folder(path_)));
  EXPECT_EQ(code_of([&] { (void)files_->open(path_); }), Errc::not_found);
  EXPECT_EQ(write(path_, 2).row.objects, 1U) << "the lock is free again";
}

TEST_F(CheckpointFilesTest, RefusesOptionsBeforeItChangesAnything) {
  EXPECT_EQ(code_of([&] { (void)files_->begin(path_, "fields", {.compress = 10}); }), Errc::invalid_argument);
  EXPECT_FALSE(std::filesystem::exists(files_->parts_folder(path_)));
  const std::string unnumbered = folder_.path() + "/last.h5";
  EXPECT_EQ(code_of([&] { (void)files_->begin(unnumbered, "fields", {.keep = 1}); }), Errc::invalid_argument);
}

TEST_F(CheckpointFilesTest, FindsASeries) {
  put("a", 10, std::byte{1});
  (void)write(folder_.path() + "/step0008.h5", 1);
  (void)write(path_, 2);  // written last, so it is the latest
  std::ofstream(folder_.path() + "/step0009.h5") << "not HDF5";
  const std::string pattern = folder_.path() + "/step*.h5";
  const auto found = files_->find(pattern);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].path, path_);
  EXPECT_EQ(found[0].why_not, "");
  EXPECT_EQ(files_->number_of(found[1].path, pattern), 8U);
  EXPECT_NE(found[2].why_not, "");
  EXPECT_EQ(code_of([&] { (void)files_->find(path_); }), Errc::invalid_argument) << "there is no *";
  EXPECT_EQ(files_->number_of("/runs/7/step0042.h5", {}), 42U);
  EXPECT_EQ(files_->number_of("/runs/7/last.h5", {}), 0U);
}

TEST_F(CheckpointFilesTest, KeepsTheNewest) {
  put("a", 10, std::byte{1});
  for (std::uint64_t step = 1; step <= 3; ++step) {
    (void)write(folder_.path() + "/step" + std::to_string(step) + ".h5", step, {.keep = 2});
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/step1.h5"));
  EXPECT_EQ(files_->find(folder_.path() + "/step*.h5").size(), 2U);
}

}  // namespace
}  // namespace locum::storage
