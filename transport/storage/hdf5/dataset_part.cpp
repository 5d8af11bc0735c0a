#include "transport/storage/hdf5/dataset_part.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "core/object/object.hpp"
#include "core/object/strided_runs.hpp"
#include "transport/storage/file_calls.hpp"
#include "transport/storage/hdf5/dataset.hpp"
#include "transport/storage/hdf5/errors.hpp"

namespace locum::storage {

namespace {

// The whole path: other ranks may have another working folder.
std::string absolute(const std::string& path) {
  std::error_code error;
  const auto whole = std::filesystem::canonical(path, error);
  if (error) {
    throw file_error("finding", path, error.value());
  }
  return whole.string();
}

// Where an external link led to, it is another file than the one that was opened.
std::string file_of(const Identifier& dataset) {
  std::array<char, 8192> name{};
  const ssize_t length = H5Fget_name(dataset.get(), name.data(), name.size());
  check(length, "finding the file of a dataset");
  if (static_cast<std::size_t>(length) >= name.size()) {
    throw Error(Errc::unsupported, "the path of a dataset's file is too long");
  }
  return name.data();
}

// Whether the elements lie in the file one after the other, and where.
bool is_plain(const Dataset& opened, std::uint64_t& offset) {
  const Identifier creation(H5Dget_create_plist(opened.dataset.get()), H5Pclose,
                            "reading a dataset's layout");
  if (H5Pget_layout(creation.get()) != H5D_CONTIGUOUS || H5Pget_external_count(creation.get()) != 0) {
    return false;
  }
  const haddr_t at = H5Dget_offset(opened.dataset.get());
  offset = at;
  return at != HADDR_UNDEF;  // undefined: never written, so that all elements have the fill value
}

ObjectFacts facts_of(const FilePart& part) {
  ObjectFacts facts;
  facts.layout = Layout::array;
  facts.element_bytes = part.element_bytes;
  facts.type_name = part.type;
  facts.size_bytes = part.element_bytes;
  for (const std::uint64_t extent : part.extents) {
    facts.extents.values[facts.extents.rank++] = extent;
    facts.size_bytes *= extent;
  }
  return facts;
}

std::vector<std::uint64_t> values_of(const Coordinates& coordinates) {
  std::vector<std::uint64_t> values;
  for (std::size_t at = 0; at < coordinates.size(); ++at) {
    values.push_back(coordinates[at]);
  }
  return values;
}

void take_box(FilePart& part, const Hyperslab& slab) {
  const std::string of = "the dataset '" + part.dataset + "' of '" + part.path + "'";
  const auto require = [&of](const auto& result) {
    if (!result) {
      throw Error(result.error().code(), of + ": " + result.error().text());
    }
  };
  part.count = part.extents;
  part.start.assign(part.extents.size(), 0);
  part.stride.assign(part.extents.size(), 1);
  const ObjectFacts facts = facts_of(part);
  if (std::ranges::find(part.extents, 0U) == part.extents.end()) {
    require(packed_bytes({.start = facts.extents, .count = facts.extents, .stride = {}}, part.element_bytes));
  }
  if (slab.is_given()) {
    require(StridedRuns::of(slab, part.element_bytes, facts));
    const Extents stride = slab.stride;
    part.start = values_of(slab.start);
    part.count.assign(slab.count.span().begin(), slab.count.span().end());
    if (stride.size() != 0) {
      part.stride.assign(stride.span().begin(), stride.span().end());
    }
  }
}

}  // namespace

void complete_part(FilePart& part, const Dataset& opened, const Hyperslab& slab) {
  part.path = absolute(part.path);
  part.bytes_in = absolute(file_of(opened.dataset));
  part.is_plain = is_plain(opened, part.offset) ? 1 : 0;
  take_box(part, slab);
  struct stat on_disk {};
  if (::stat(part.bytes_in.c_str(), &on_disk) != 0) {
    throw file_error("reading the size of", part.bytes_in, errno);
  }
  part.file_bytes = static_cast<std::uint64_t>(on_disk.st_size);
  part.changed_ns = changed_ns(on_disk);
  const std::uint64_t bytes = facts_of(part).size_bytes;
  if (part.is_plain != 0 && (part.offset > part.file_bytes || bytes > part.file_bytes - part.offset)) {
    throw file_damaged(part.bytes_in, "it ends before the last element of '" + part.dataset + "'");
  }
}

FilePart find_part(const std::string& path, const std::string& dataset, const Hyperslab& slab,
                   std::string_view asked) {
  const Hdf5Turn turn;
  const Dataset opened = open_dataset(path, dataset);
  const std::string stored = describe(opened.type);
  const std::string_view element = asked.empty() ? std::string_view(stored) : asked;
  const Identifier wanted = number_in_memory(element);
  if (stored != element) {
    throw Error(Errc::type_mismatch, "asked for " + std::string(element) + ", the dataset '" + dataset +
                                         "' of '" + path + "' holds " + stored +
                                         "; ask for the type that is in the file");
  }
  FilePart part;
  part.path = path;
  part.dataset = dataset;
  part.type = std::string(element) + "[]";
  part.element_bytes = static_cast<std::uint32_t>(H5Tget_size(wanted.get()));
  part.extents = opened.extents.empty() ? std::vector<std::uint64_t>{1} : opened.extents;
  part.other_byte_order =
      part.element_bytes > 1 && H5Tget_order(opened.type.get()) != H5Tget_order(wanted.get()) ? 1 : 0;
  complete_part(part, opened, slab);
  if (H5Tget_class(opened.type.get()) == H5T_COMPOUND && H5Tequal(opened.type.get(), wanted.get()) <= 0) {
    part.is_plain = 0;  // HDF5 converts the members
  }
  return part;
}

}  // namespace locum::storage
