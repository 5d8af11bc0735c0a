// Fails the tests of a program if they leave identifiers of HDF5 open. What HDF5 itself forgets has none;
// tests/lsan.supp leaves that out, and with it what an identifier keeps, which is why these are counted here.
#include <gtest/gtest.h>
#include <hdf5.h>

#include <array>
#include <string>

#include "transport/storage/hdf5/dataset.hpp"

namespace locum::tests {
namespace {

/// Counts the open identifiers of the kind of this new one, and closes it. HDF5 counts those of files and
/// what is in them only; an identifier is its kind and a number, one more than that of the one before it.
template <class Close>
long count_identifiers(hid_t newest, Close close) {
  constexpr hid_t number = (hid_t{1} << 56U) - 1;
  long open = 0;
  for (hid_t id = newest - 1; id >= (newest & ~number); --id) {
    open += H5Iis_valid(id) > 0 ? 1 : 0;
  }
  close(newest);
  return open;
}

/// How many identifiers are open: of files and what is in them, of dataspaces, types, and properties.
using OpenIdentifiers = std::array<long, 4>;

OpenIdentifiers open_identifiers() {
  const storage::Hdf5Turn turn;
  return {static_cast<long>(H5Fget_obj_count(static_cast<hid_t>(H5F_OBJ_ALL), H5F_OBJ_ALL)),
          count_identifiers(H5Screate(H5S_NULL), H5Sclose),
          count_identifiers(H5Tcopy(H5T_NATIVE_INT), H5Tclose),
          count_identifiers(H5Pcreate(H5P_DATASET_XFER), H5Pclose)};
}

/// A thread of the library may close a file after the test that used it: the counts are those at the end of
/// all tests, and name those tests after which they rose.
class IdentifierCheck : public ::testing::EmptyTestEventListener {
  void OnEnvironmentsSetUpStart(const ::testing::UnitTest& /*program*/) override {
    at_start_ = open_identifiers();
    before_ = at_start_;
  }
  void OnTestEnd(const ::testing::TestInfo& test) override {
    const OpenIdentifiers now = open_identifiers();
    for (std::size_t kind = 0; kind < now.size(); ++kind) {
      if (now[kind] <= at_start_[kind]) {
        suspects_[kind].clear();
      } else if (now[kind] > before_[kind]) {
        suspects_[kind].append(" ").append(test.test_suite_name()).append(".").append(test.name());
      }
    }
    before_ = now;
  }
  void OnEnvironmentsTearDownStart(const ::testing::UnitTest& /*program*/) override {
    constexpr std::array<const char*, 4> kinds{"files and what is in them", "dataspaces", "types",
                                               "properties"};
    const OpenIdentifiers now = open_identifiers();
    for (std::size_t kind = 0; kind < now.size(); ++kind) {
      EXPECT_EQ(now[kind], at_start_[kind]) << "identifiers of HDF5 were left open, of " << kinds[kind]
                                            << ", by one of these tests:" << suspects_[kind];
    }
  }

  OpenIdentifiers at_start_{};
  OpenIdentifiers before_{};
  std::array<std::string, 4> suspects_;
};

[[maybe_unused]] const bool is_checked = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new IdentifierCheck);  // which owns it
  return true;
}();

TEST(OpenIdentifiers, AreCounted) {
  const OpenIdentifiers before = open_identifiers();
  const storage::Identifier space = [] {
    const storage::Hdf5Turn turn;
    return storage::Identifier(H5Screate(H5S_NULL), H5Sclose, "making a dataspace");
  }();
  OpenIdentifiers one_more = before;
  ++one_more[1];
  EXPECT_EQ(open_identifiers(), one_more);
}

}  // namespace
}  // namespace locum::tests
