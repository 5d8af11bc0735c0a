#include "transport/storage/hdf5/chunking.hpp"

#include <gtest/gtest.h>

#include <array>
#include <optional>

#include "core/value/error.hpp"

namespace locum::storage {
namespace {

std::optional<Errc> refused(const CheckpointOptions& options) {
  try {
    (void)chunking_of(options);
    return std::nullopt;
  } catch (const Error& error) {
    return error.code();
  }
}

TEST(Chunking, IsWhatTheOptionsSay) {
  EXPECT_FALSE(chunking_of(CheckpointOptions{}).any());
  const Chunking alone = chunking_of({.chunk_bytes = 4096});
  EXPECT_EQ(alone.filter, H5Z_FILTER_NONE);
  EXPECT_EQ(alone.chunk_bytes, 4096U);
  if (!refused({.compress = 1})) {
    const Chunking deflated = chunking_of({.compress = 9});
    EXPECT_EQ(deflated.filter, H5Z_FILTER_DEFLATE);
    EXPECT_EQ(deflated.values, std::vector<unsigned>{9});
    EXPECT_EQ(deflated.chunk_bytes, 1U << 20U);
  }
}

TEST(Chunking, RefusesWhatNoFilterCanDo) {
  EXPECT_EQ(refused({.compress = -1}), Errc::invalid_argument);
  EXPECT_EQ(refused({.compress = 10}), Errc::invalid_argument);
  EXPECT_EQ(refused({.compress = 1, .filter = 4}), Errc::invalid_argument) << "two filters";
  EXPECT_EQ(refused({.filter = 65536}), Errc::invalid_argument);
  EXPECT_EQ(refused({.filter = H5Z_FILTER_SCALEOFFSET}), Errc::invalid_argument) << "it loses bits";
  EXPECT_EQ(refused({.filter = 1, .filter_values = std::vector<std::uint32_t>(33)}), Errc::invalid_argument);
  EXPECT_EQ(refused({.filter_values = {1}}), Errc::invalid_argument) << "of no filter";
  EXPECT_EQ(refused({.filter = H5Z_FILTER_SZIP}), Errc::invalid_argument) << "it takes two values";
  EXPECT_EQ(refused({.chunk_bytes = 4095}), Errc::invalid_argument);
  EXPECT_EQ(refused({.chunk_bytes = (16U << 20U) + 1}), Errc::invalid_argument);
  EXPECT_EQ(refused({.filter = 301}), Errc::unsupported) << "of nobody";
}

TEST(Chunking, CutsAnAxisIntoEqualChunks) {
  const Identifier creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "making a dataset's properties");
  const Identifier type(H5Tcopy(H5T_STD_U8LE), H5Tclose, "copying a type");
  chunking_of({.chunk_bytes = 4096}).set(creation, {2, 4097}, type);
  std::array<hsize_t, 2> chunk{};
  EXPECT_EQ(H5Pget_chunk(creation.get(), 2, chunk.data()), 2);
  EXPECT_EQ(chunk, (std::array<hsize_t, 2>{1, 2049})) << "4096 and 1 would take the room of twice 4096";
}

}  // namespace
}  // namespace locum::storage
