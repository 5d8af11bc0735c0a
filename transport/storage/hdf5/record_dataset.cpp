#include "transport/storage/hdf5/record_dataset.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/backend/record_format.hpp"
#include "core/value/error.hpp"
#include "transport/storage/hdf5/early_dataset.hpp"

namespace locum::storage {

namespace {

constexpr std::uint64_t bytes_of_revision = sizeof(std::uint64_t);
/// More than that HDF5 does not take into the header of a dataset.
constexpr std::uint64_t most_end_bytes = 32 * 1024;
/// Deflate makes no more of a byte.
constexpr std::uint64_t most_expansion = 1100;

Error damaged_record(const std::string& how) {
  return Error(Errc::corrupt,
               "the dataset of the record " + how +
                   ": it was changed by another program, or the file is damaged; store it again");
}

/// How a record is spread: what its dataset has, of which shape, and what the attribute.
struct Spread {
  std::span<const std::byte> payload;
  std::span<const std::byte> end;
  DatasetShape shape;
};

// What is no object, as the records of wrappers that compress or encrypt, is bytes.
Spread spread_of(std::span<const std::byte> record) {
  const auto facts = read_record(record, record.size());
  if (!facts || facts->end_bytes > most_end_bytes) {
    ObjectFacts bytes;
    bytes.size_bytes = record.size();
    return {record, {}, shape_of(bytes)};
  }
  const auto& words = facts->words;
  const ObjectFacts object{words.key,           words.size_bytes,          words.generation,
                           words.type_hash,     facts->tail.element_bytes, words.layout,
                           facts->tail.extents, facts->tail.type_name,     facts->tail.name};
  return {facts->payload, record.subspan(words.size_bytes), shape_of(object)};
}

Identifier opaque_type(std::uint64_t bytes, const std::string& what) {
  Identifier type(H5Tcreate(H5T_OPAQUE, bytes), H5Tclose, what);
  check(H5Tset_tag(type.get(), "revision and end of a record of locum"), what);
  return type;
}

void write_end(const Identifier& dataset, std::uint64_t revision, std::span<const std::byte> end) {
  const std::string what = "writing the end of a record";
  std::vector<std::byte> bytes(bytes_of_revision + end.size());
  std::memcpy(bytes.data(), &revision, bytes_of_revision);
  std::ranges::copy(end, bytes.begin() + bytes_of_revision);
  const Identifier type = opaque_type(bytes.size(), what);
  const Identifier space(H5Screate(H5S_SCALAR), H5Sclose, what);
  const Identifier attribute(
      H5Acreate2(dataset.get(), record_attribute, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose, what);
  check(H5Awrite(attribute.get(), type.get(), bytes.data()), what);
}

std::vector<std::byte> read_attribute(const Identifier& dataset) {
  if (!is_record(dataset)) {
    throw Error(
        Errc::type_mismatch,
        "the dataset of that name was made by another program, and is no record: read it as one of an "
        "HDF5 file (proxy_from_hdf5)");
  }
  const std::string what = "reading the end of a record";
  const Identifier attribute(H5Aopen(dataset.get(), record_attribute, H5P_DEFAULT), H5Aclose, what);
  const Identifier space(H5Aget_space(attribute.get()), H5Sclose, what);
  const Identifier type(H5Aget_type(attribute.get()), H5Tclose, what);
  const std::uint64_t bytes = H5Tget_size(type.get());
  if (H5Tget_class(type.get()) != H5T_OPAQUE || H5Sget_simple_extent_npoints(space.get()) != 1 ||
      bytes < bytes_of_revision || bytes > bytes_of_revision + most_end_bytes) {
    throw damaged_record("has an end of another form");
  }
  std::vector<std::byte> read(bytes);
  check(H5Aread(attribute.get(), type.get(), read.data()), what);
  return read;
}

std::uint64_t bytes_of(const Identifier& dataset) {
  const std::string what = "reading the size of a record";
  const Identifier type(H5Dget_type(dataset.get()), H5Tclose, what);
  const Identifier space(H5Dget_space(dataset.get()), H5Sclose, what);
  const hssize_t elements = H5Sget_simple_extent_npoints(space.get());
  const std::uint64_t element_bytes = H5Tget_size(type.get());
  if (elements < 0 || element_bytes == 0 ||
      static_cast<std::uint64_t>(elements) > std::numeric_limits<std::int64_t>::max() / element_bytes) {
    throw damaged_record("has no size");
  }
  return static_cast<std::uint64_t>(elements) * element_bytes;
}

}  // namespace

bool is_record(const Identifier& dataset) {
  return H5Aexists(dataset.get(), record_attribute) > 0;
}

std::optional<std::uint64_t> place_in_file(const Identifier& dataset, std::uint64_t bytes,
                                           std::uint64_t file_bytes) {
  const Identifier creation(H5Dget_create_plist(dataset.get()), H5Pclose, "reading the layout of a dataset");
  const haddr_t offset = H5Dget_offset(dataset.get());
  const bool is_there = H5Pget_layout(creation.get()) == H5D_CONTIGUOUS &&
                        H5Pget_external_count(creation.get()) == 0 && offset != HADDR_UNDEF &&
                        bytes <= file_bytes && offset <= file_bytes - bytes;
  return is_there ? std::optional<std::uint64_t>(offset) : std::nullopt;
}

std::uint64_t revision_of(const Identifier& dataset) {
  std::uint64_t revision = 0;
  std::memcpy(&revision, read_attribute(dataset).data(), bytes_of_revision);
  return revision;
}

StoredRecord read_stored(const Identifier& dataset, std::uint64_t file_bytes) {
  const std::vector<std::byte> attribute = read_attribute(dataset);
  StoredRecord stored;
  std::memcpy(&stored.revision, attribute.data(), bytes_of_revision);
  stored.end.assign(attribute.begin() + bytes_of_revision, attribute.end());
  stored.payload_bytes = bytes_of(dataset);
  if (stored.payload_bytes == 0) {
    stored.payload_at = 0;
    return stored;
  }
  stored.payload_at = place_in_file(dataset, stored.payload_bytes, file_bytes);
  // Another program may have compressed it (h5repack).
  const Identifier creation(H5Dget_create_plist(dataset.get()), H5Pclose, "reading the layout of a dataset");
  const H5D_layout_t layout = H5Pget_layout(creation.get());
  const std::uint64_t in_file = H5Dget_storage_size(dataset.get());
  if (!stored.payload_at && ((layout != H5D_CHUNKED && layout != H5D_COMPACT) || in_file > file_bytes ||
                             stored.payload_bytes / most_expansion > in_file)) {
    throw damaged_record("has another size than the " + std::to_string(stored.payload_bytes) +
                         " bytes in its end");
  }
  return stored;
}

NewDataset make_record(const Identifier& file, const std::string& file_path, const std::string& path,
                       const NewRecord& record) {
  const Spread spread = spread_of(record.bytes);
  NewDataset made;
  made.payload = spread.payload;
  made.payload_at = make_early_dataset(file, file_path, path, spread.shape.type, spread.shape.extents);
  const Identifier dataset(H5Dopen2(file.get(), path.c_str(), H5P_DEFAULT), H5Dclose, "making a record");
  write_end(dataset, record.revision, spread.end);
  return made;
}

}  // namespace locum::storage
