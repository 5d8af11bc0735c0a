// The format .h5: files that are damaged, or made to do harm.

#include <gtest/gtest.h>
#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tests/transport/storage/formats/checked_by_python.hpp"
#include "tests/transport/storage/formats/memory_file.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/formats/h5/h5_format.hpp"
#include "transport/storage/hdf5/dataset.hpp"

namespace locum::tests::of_h5_damage {
namespace {

Result<Record> load_h5(std::span<const std::byte> bytes, const Record& options = {}, bool is_mapped = false) {
  MemoryFile file(bytes, is_mapped);
  return storage::h5_format()->load(file, options, make_own);
}
std::vector<std::byte> save_h5(const Record& value, const Record& options = {}) {
  MemoryDraft draft;
  storage::h5_format()->save(value, draft, options).value();
  return draft.bytes();
}
/// Returns the bytes of a file that `make` makes by HDF5 itself.
std::vector<std::byte> made_by_hdf5(const std::function<void(hid_t)>& make) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/made.h5";
  {
    const storage::Hdf5Turn turn;
    const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    make(file);
    H5Fclose(file);
  }
  return bytes_of_file(path);
}
hid_t group_in(hid_t in, const char* name) {
  return H5Gcreate2(in, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
}
void expect_error(const Result<Record>& result, Errc code, std::string_view text) {
  ASSERT_FALSE(result.has_value()) << text;
  EXPECT_EQ(result.error().code(), code) << result.error().what();
  EXPECT_NE(result.error().text().find(text), std::string::npos) << result.error().what();
}

TEST(H5Damage, RefusesGroupsThatLeadInACircle) {
  const auto bytes = made_by_hdf5([](hid_t file) {
    const hid_t group = group_in(file, "a");
    H5Lcreate_hard(file, "/", group, "up", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file, "a", group, "self", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/a", group, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
  });
  expect_error(load_h5(bytes), Errc::unsupported, "leads back to a group");
  EXPECT_EQ(load_h5(bytes, {{"skip", true}}).value(), Record::members({{"a", Record::members({})}}));
}

TEST(H5Damage, EndsWhereLinksMultiply) {
  // Each group has two links to the next one: 2^40 paths.
  const auto bytes = made_by_hdf5([](hid_t file) {
    hid_t group = group_in(file, "g");
    for (int level = 0; level < 40; ++level) {
      const hid_t next = group_in(group, "a");
      H5Lcreate_hard(group, "a", group, "b", H5P_DEFAULT, H5P_DEFAULT);
      H5Gclose(group);
      group = next;
    }
    H5Gclose(group);
  });
  expect_error(load_h5(bytes), Errc::corrupt, "again and again");
  expect_error(load_h5(bytes, {{"skip", true}}), Errc::corrupt, "again and again");
}

TEST(H5Damage, RefusesGroupsThatAreTooDeep) {
  const auto bytes = made_by_hdf5([](hid_t file) {
    hid_t group = group_in(file, "g");
    for (int level = 0; level < 300; ++level) {
      const hid_t next = group_in(group, "g");
      H5Gclose(group);
      group = next;
    }
    H5Gclose(group);
  });
  expect_error(load_h5(bytes), Errc::unsupported, "deeper than 200");
}

TEST(H5Damage, MakesNoMemoryForWhatIsNotThere) {
  const auto bytes = made_by_hdf5([](hid_t file) {
    const std::array<hsize_t, 2> extents{hsize_t{1} << 40U, hsize_t{1} << 20U};
    const std::array<hsize_t, 2> chunk{1024, 1024};
    const std::array<hsize_t, 2> empty{hsize_t{1} << 40U, 0};
    const std::array<hsize_t, 1> some{20'000'000};
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, 2, chunk.data());
    const hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, H5T_VARIABLE);
    const auto add = [&](const char* name, int rank, const hsize_t* sizes, hid_t type, hid_t how) {
      const hid_t space = H5Screate_simple(rank, sizes, nullptr);
      H5Dclose(H5Dcreate2(file, name, type, space, H5P_DEFAULT, how, H5P_DEFAULT));
      H5Sclose(space);
    };
    add("huge", 2, extents.data(), H5T_NATIVE_DOUBLE, creation);
    add("lists", 2, empty.data(), text, H5P_DEFAULT);
    add("texts", 1, some.data(), text, H5P_DEFAULT);
    add("some", 1, some.data(), H5T_NATIVE_INT8, H5P_DEFAULT);
    H5Tclose(text);
    H5Pclose(creation);
  });
  expect_error(load_h5(bytes, {{"dataset", "huge"}}), Errc::corrupt, "is damaged");
  for (const char* name : {"lists", "texts", "some"}) {
    expect_error(load_h5(bytes, {{"dataset", name}}), Errc::corrupt, "sparse = true");
  }
  const Record some = load_h5(bytes, {{"dataset", "some"}, {"sparse", true}}).value();
  EXPECT_EQ(some.array().size(), 20'000'000U);
}

TEST(H5Damage, ReadsALongTextOnceAtMost) {
  // All elements are one text of the file.
  auto bytes = save_h5(
      Record::members({{"t", Record::list({std::string(30'000, 'x'), "b", "c", "d", "e", "f", "g", "h"})}}));
  EXPECT_EQ(load_h5(bytes).value()["t"].size(), 8U);
  // A text is its length, the place of a heap, and its number in the heap. The first one is the long one.
  const std::array<std::byte, 4> length{std::byte{0x30}, std::byte{0x75}, std::byte{0}, std::byte{0}};
  const auto first = std::ranges::search(bytes, length).begin();
  ASSERT_NE(first, bytes.end());
  for (int at = 1; at < 8; ++at) {
    std::copy_n(first, 16, first + 16 * at);
  }
  expect_error(load_h5(bytes), Errc::corrupt, "longer than the file");
}

TEST(H5Damage, RefusesTruthValuesThatAreNone) {
  std::vector<std::byte> truths(700, std::byte{1});
  const Array array =
      Array::copy_of(ConstRawArray(truths.data(), ElementType::of<bool>(), Extents(700))).value();
  auto bytes = save_h5(Record::members({{"b", array}}));
  const auto first = std::ranges::search(bytes, truths).begin();
  ASSERT_NE(first, bytes.end());
  first[300] = std::byte{2};
  expect_error(load_h5(bytes), Errc::corrupt, "neither FALSE nor TRUE");
  EXPECT_EQ(load_h5(bytes, {}, true).error().code(), Errc::corrupt);
}

// HDF5 1.10 goes on for ever, or beyond the end, where the size of a text in a heap leads it.
TEST(H5Damage, RefusesHeapsWhoseSizesLeadNowhere) {
  const Record value = {{"a", 1.5}, {"@attributes", {{"a", {{"notes", {"abc", "defghijkl"}}}}}}};
  const auto bytes = save_h5(value, {{"attributes", true}});
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t heap = text.find("GCOL");
  ASSERT_NE(heap, std::string_view::npos);
  const Record options = {{"attributes", true}};
  EXPECT_TRUE(load_h5(bytes, options, false));
  for (const std::uint64_t size : {~std::uint64_t{0} - 15, ~std::uint64_t{0}, std::uint64_t{1} << 40U}) {
    std::vector<std::byte> damaged = bytes;
    std::memcpy(damaged.data() + heap + 16 + 8, &size, sizeof size);  // of the first text
    expect_error(load_h5(damaged, options, false), Errc::corrupt, "heap");
  }
  std::vector<std::byte> free_of_nothing = bytes;
  std::memset(free_of_nothing.data() + heap + 16, 0, 16);  // number 0: free; size 0
  expect_error(load_h5(free_of_nothing, options, false), Errc::corrupt, "heap");
}

TEST(H5Damage, RefusesEachPrefixOfAFile) {
  const Record value = {{"T", Array(std::vector<double>(300, 1.5))}, {"text", "abc"}, {"n", 7}};
  for (const Record& options : {Record::members({}), Record{{"compression", 1}}}) {
    const auto bytes = save_h5(value, options);
    for (std::size_t size = 0; size < bytes.size(); size += size < 200 ? 1 : 13) {
      const auto loaded = load_h5(std::span(bytes).first(size));
      ASSERT_FALSE(loaded) << size;
      EXPECT_EQ(loaded.error().code(), Errc::corrupt) << size << ": " << loaded.error().what();
    }
  }
}

TEST(H5Damage, BearsChangedBytes) {
  const Record value = {{"T", Array(std::vector<double>(100, 1.5))},
                        {"packed", Array(std::vector<int>(2000, 3))},
                        {"texts", Record::list({"abc", "d"})},
                        {"group", Record::members({{"n", 7}, {"truth", true}})}};
  const auto bytes = save_h5(value, {{"compression", 1}});
  std::size_t loaded = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 7) {
    std::vector<std::byte> damaged = bytes;
    damaged[at] ^= std::byte{0x81};
    const auto result = load_h5(damaged, {}, at % 2 == 0);
    loaded += result ? 1 : 0;
    if (!result) {
      EXPECT_NE(result.error().code(), Errc::system) << at << ": " << result.error().what();
    }
  }
  EXPECT_GT(loaded, 0U);
}

}  // namespace
}  // namespace locum::tests::of_h5_damage
