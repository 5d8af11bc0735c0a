#include "transport/storage/formats/h5/h5_tree.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <new>
#include <string_view>
#include <utility>

#include "core/value/extents.hpp"
#include "transport/storage/formats/h5/h5_attributes.hpp"
#include "transport/storage/formats/h5/h5_value.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"

namespace locum::storage {

namespace {

// Deflate makes at most 1032 bytes of one.
constexpr std::uint64_t h5_most_growth = 1032;
constexpr std::uint64_t h5_memory_for_nothing = std::uint64_t{1} << 16U;
// A link takes more than so many bytes of a file.
constexpr std::uint64_t h5_link_bytes = 8;
constexpr std::size_t h5_deepest = 200;  // a Record nests a little deeper

const std::string h5_reading_group = "reading a group";
const std::string h5_reading_dataset = "reading what a dataset is";

Error in_h5_object(const std::string& path, const Error& error) {
  return Error(error.code(), "in " + quoted_name(path) + ": " + error.text(), error.detail());
}

Error h5_not_loaded(std::string why) {
  return Error(Errc::unsupported, std::move(why) +
                                      "; leave it out by the option skip = true, or load others by "
                                      "dataset = PATH");
}

struct H5Link {
  std::string name;
  std::int64_t order = 0;
  bool has_order = false;
};

struct H5LinkList {
  H5Budget* budget;
  std::vector<H5Link> links;
  bool is_too_long = false;
  bool is_odd = false;
};

// HDF5 calls it for each link.
herr_t add_h5_link(hid_t /*group*/, const char* name, const H5L_info_t* info, void* to) noexcept {
  H5LinkList& list = *static_cast<H5LinkList*>(to);
  try {
    if (!list.budget->has_link()) {
      list.is_too_long = true;
      return -1;
    }
    list.budget->take_link();
    const std::string_view found(name);
    if (found.empty() || found == "." || found.find('/') != std::string_view::npos) {
      list.is_odd = true;  // a path with it would lead to another object
      return -1;
    }
    list.links.push_back({std::string(found), info->corder, info->corder_valid});
    return 0;
  } catch (...) {
    return -1;
  }
}

/// Returns the names of a group's links, in the order in which these were made, if the file knows it; else
/// sorted. Asks HDF5 for them in any order: to sort them, versions before 1.14 make a table, and free what is
/// not in it when a link is damaged.
std::vector<std::string> h5_links_of(const Identifier& group, H5Budget& budget) {
  H5LinkList list{&budget, {}};
  hsize_t at = 0;
  const herr_t status = H5Literate(group.get(), H5_INDEX_NAME, H5_ITER_NATIVE, &at, add_h5_link, &list);
  if (list.is_too_long) {
    budget.take_link();  // throws
  }
  if (list.is_odd) {
    throw Error(Errc::corrupt, "a member of a group has a name that is no name of HDF5");
  }
  check(status, h5_reading_group);
  const bool is_ordered = std::ranges::all_of(list.links, &H5Link::has_order);
  std::ranges::sort(list.links, [is_ordered](const H5Link& a, const H5Link& b) {
    return is_ordered && a.order != b.order ? a.order < b.order : a.name < b.name;
  });
  std::vector<std::string> names;
  names.reserve(list.links.size());
  for (H5Link& link : list.links) {
    names.push_back(std::move(link.name));
  }
  return names;
}

/// Returns text that another object of the file does not have.
std::string h5_identity_of(const Identifier& object) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info2_t info{};
  check(H5Oget_info3(object.get(), &info, H5O_INFO_BASIC), h5_reading_group);
  return {reinterpret_cast<const char*>(&info.token), sizeof info.token};
#else
  H5O_info_t info{};
  check(H5Oget_info2(object.get(), &info, H5O_INFO_BASIC), h5_reading_group);
  return {reinterpret_cast<const char*>(&info.addr), sizeof info.addr};
#endif
}

/// Throws: a link to another file is not followed.
[[noreturn]] void refuse_h5_external(const Identifier& group, const std::string& name, std::size_t bytes) {
  constexpr std::size_t most = std::size_t{1} << 16U;
  std::vector<char> value(std::min(bytes, most));
  const char* file = nullptr;
  const char* object = nullptr;
  unsigned flags = 0;
  if (bytes > 0 && bytes <= most &&
      H5Lget_val(group.get(), name.c_str(), value.data(), value.size(), H5P_DEFAULT) >= 0 &&
      H5Lunpack_elink_val(value.data(), value.size(), &flags, &file, &object) >= 0) {
    throw h5_not_loaded("it is a link to " + quoted_name(object) + " of another file, " + quoted_name(file) +
                        ", which is not opened: load that file");
  }
  throw h5_not_loaded("it is a link to another file, which is not opened");
}

/// Throws unless HDF5 has the filters of a dataset in this process.
void require_h5_filters(const Identifier& creation) {
  const int count = H5Pget_nfilters(creation.get());
  check(count, h5_reading_dataset);
  for (int at = 0; at < count; ++at) {
    std::array<char, 64> name{};
    std::size_t values = 0;
    unsigned flags = 0;
    const H5Z_filter_t filter = H5Pget_filter2(creation.get(), static_cast<unsigned>(at), &flags, &values,
                                               nullptr, name.size() - 1, name.data(), nullptr);
    check(filter, h5_reading_dataset);
    if (H5Zfilter_avail(filter) <= 0) {
      throw h5_not_loaded("it is compressed by the filter " + std::to_string(filter) + " (" +
                          quoted_name(name.data()) +
                          "), which this HDF5 does not have, and no plugin is loaded for a file; save it by "
                          "deflate, as h5repack -f GZIP=4 does");
    }
  }
}

}  // namespace

H5Budget::H5Budget(std::uint64_t file_bytes, bool is_sparse)
    : memory_(std::numeric_limits<std::uint64_t>::max()), links_(file_bytes / h5_link_bytes) {
  if (!is_sparse && file_bytes < memory_ / h5_most_growth / 2) {
    memory_ = file_bytes * h5_most_growth + h5_memory_for_nothing;
  }
}

void H5Budget::take_memory(std::uint64_t count, std::uint64_t bytes_of_each) {
  if (bytes_of_each != 0 && count > memory_ / bytes_of_each) {
    throw Error(Errc::corrupt, "it has " + std::to_string(count) + " elements of " +
                                   std::to_string(bytes_of_each) +
                                   " bytes, which cannot be in a file of this size; if they are meant to be "
                                   "missing, and to have the fill value, load it with sparse = true");
  }
  memory_ -= count * bytes_of_each;
}

void H5Budget::take_link() {
  if (links_ == 0) {
    throw Error(Errc::corrupt,
                "its groups lead to more members than the file has bytes for: links lead to the same groups "
                "again and again; load single ones by dataset = PATH");
  }
  --links_;
}

H5Node H5Tree::root() {
  const H5Turn turn;
  const Identifier group(H5Gopen2(file_.id().get(), "/", H5P_DEFAULT), H5Gclose, h5_reading_group);
  H5Node node;
  add_members(node, group, {});
  return node;
}

H5Node H5Tree::only() {
  const H5Turn turn;
  Identifier group(H5Gopen2(file_.id().get(), "/", H5P_DEFAULT), H5Gclose, h5_reading_group);
  std::string_view rest = options_.dataset;
  std::string path;
  if (rest.starts_with('/')) {
    rest.remove_prefix(1);
  }
  for (;;) {
    const std::size_t slash = rest.find('/');
    const std::string name(rest.substr(0, slash));
    const htri_t is_there = H5Lexists(group.get(), name.c_str(), H5P_DEFAULT);
    check(is_there, h5_reading_group);
    if (is_there == 0) {
      throw Error(Errc::not_found, "the file has no dataset " + quoted_name(options_.dataset) +
                                       ": the group " + quoted_name(path.empty() ? "/" : path) +
                                       " has no member " + quoted_name(name) +
                                       "; info tells what the file has");
    }
    if (slash == std::string_view::npos) {
      H5Node node = member(group, name, path);
      if (!node.dataset && node.refusal.empty()) {
        throw Error(Errc::type_mismatch, quoted_name(options_.dataset) + " is a group; name a dataset in it");
      }
      return node;
    }
    path += '/' + name;
    Opened next;
    try {
      next = open(group, name);
    } catch (const Error& error) {
      throw in_h5_object(path, error);
    }
    if (next.type != H5I_GROUP) {
      throw Error(Errc::not_found, "the file has no dataset " + quoted_name(options_.dataset) + ": " +
                                       quoted_name(path) + " is no group; info tells what the file has");
    }
    group = std::move(next.object);
    rest.remove_prefix(slash + 1);
  }
}

void H5Tree::add_members(H5Node& node, const Identifier& group, const std::string& path) {
  std::string identity = h5_identity_of(group);
  if (std::ranges::find(groups_, identity) != groups_.end()) {
    throw h5_not_loaded("it leads back to a group that it is in");
  }
  if (groups_.size() == h5_deepest) {
    throw Error(Errc::unsupported, "its groups nest deeper than " + std::to_string(h5_deepest) + " levels");
  }
  groups_.push_back(std::move(identity));
  add_attributes(node, group);
  for (const std::string& name : h5_links_of(group, budget_)) {
    try {
      node.members.push_back(member(group, name, path));
    } catch (const Error& error) {
      if (error.code() != Errc::unsupported || !options_.skips_others) {
        throw;
      }
    }
  }
  groups_.pop_back();
}

H5Node H5Tree::member(const Identifier& group, const std::string& name, const std::string& path) {
  const std::string own = path + '/' + name;
  const std::size_t depth = groups_.size();
  H5Node node;
  node.name = name;
  try {
    const Opened opened = open(group, name);
    switch (opened.type) {
      case H5I_GROUP:
        if (options_.has_dataset) {
          return node;  // only() says that it is none
        }
        add_members(node, opened.object, own);
        return node;
      case H5I_DATASET:
        node.dataset = dataset(opened.object, own);
        add_attributes(node, opened.object);
        return node;
      default:
        throw h5_not_loaded("it is a named type, which has no value");
    }
  } catch (const Error& error) {
    groups_.resize(depth);
    if (is_info_ && error.code() == Errc::unsupported) {
      node.dataset.reset();
      node.members.clear();
      node.refusal = error.text();
      return node;
    }
    // The error of a member of this one has its path already.
    throw error.text().starts_with("in '") ? error : in_h5_object(own, error);
  }
}

H5Tree::Opened H5Tree::open(const Identifier& group, const std::string& name) const {
  H5L_info_t info{};
  check(H5Lget_info(group.get(), name.c_str(), &info, H5P_DEFAULT), "reading a link");
  if (info.type == H5L_TYPE_EXTERNAL) {
    refuse_h5_external(group, name, info.u.val_size);
  }
  if (info.type != H5L_TYPE_HARD && info.type != H5L_TYPE_SOFT) {
    throw h5_not_loaded("it is a link of a kind that another program has defined");
  }
  const hid_t id = H5Oopen(group.get(), name.c_str(), H5P_DEFAULT);
  if (id < 0 && info.type == H5L_TYPE_SOFT) {
    throw h5_not_loaded("it is a link that leads to nothing in this file");
  }
  Opened opened;
  opened.object = {id, H5Oclose, "opening an object"};
  opened.type = H5Iget_type(opened.object.get());
  return opened;
}

H5Dataset H5Tree::dataset(const Identifier& id, const std::string& path) {
  H5Dataset found;
  found.path = path;
  const Identifier creation(H5Dget_create_plist(id.get()), H5Pclose, h5_reading_dataset);
  const H5D_layout_t layout = H5Pget_layout(creation.get());
  check(layout, h5_reading_dataset);
  const int external = H5Pget_external_count(creation.get());
  check(external, h5_reading_dataset);
  if (layout == H5D_VIRTUAL || external > 0) {
    throw h5_not_loaded("its elements are in other files, which are not opened");
  }
  const Identifier type(H5Dget_type(id.get()), H5Tclose, h5_reading_dataset);
  found.type = h5_type_of(type);
  const Identifier space(H5Dget_space(id.get()), H5Sclose, h5_reading_dataset);
  if (H5Sget_simple_extent_type(space.get()) == H5S_NULL) {
    found.extents = {0};
  } else {
    const int rank = H5Sget_simple_extent_ndims(space.get());
    check(rank, h5_reading_dataset);
    std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
    check(H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr), h5_reading_dataset);
    found.extents.assign(extents.begin(), extents.end());
  }
  if (found.whole_extents().size() > max_rank) {
    throw h5_not_loaded("it has " + std::to_string(found.whole_extents().size()) +
                        " dimensions, and an array at most " + std::to_string(max_rank));
  }
  found.elements = h5_product(found.extents, 1);
  static_cast<void>(h5_product(found.whole_extents(), std::max<std::uint64_t>(found.type.stored_bytes, 1)));
  if (layout == H5D_COMPACT && found.elements > 0 &&
      H5Dget_storage_size(id.get()) / H5Tget_size(type.get()) < found.elements) {
    throw Error(Errc::corrupt, "it has more elements than its header holds; the file is damaged");
  }
  if (layout == H5D_CHUNKED && !found.extents.empty()) {
    std::array<hsize_t, H5S_MAX_RANK> chunk{};
    check(H5Pget_chunk(creation.get(), H5S_MAX_RANK, chunk.data()), h5_reading_dataset);
    found.chunk_rows = std::max<std::uint64_t>(chunk[0], 1);
  }
  const bool are_texts = found.type.kind == H5Type::Kind::text;
  if (layout == H5D_CONTIGUOUS && (found.type.is_as_stored || are_texts)) {
    if (const haddr_t at = H5Dget_offset(id.get()); at != HADDR_UNDEF) {
      found.offset = at;
    } else if (are_texts) {
      H5D_fill_value_t fill = H5D_FILL_VALUE_ERROR;
      check(H5Pfill_value_defined(creation.get(), &fill), h5_reading_dataset);
      found.is_unwritten = fill != H5D_FILL_VALUE_USER_DEFINED;
    }
  }
  if (!is_info_) {
    require_h5_filters(creation);
    require_loadable_h5_type(found.type, options_);
    charge_h5_values(found.type, found.extents, budget_);
  }
  return found;
}

void H5Tree::add_attributes(H5Node& node, const Identifier& object) {
  if (options_.with_attributes) {
    node.attributes = read_h5_attributes(object, options_, is_info_, budget_);
  }
}

std::uint64_t h5_product(const std::vector<std::uint64_t>& extents, std::uint64_t factor) {
  std::uint64_t product = factor;
  if (std::ranges::find(extents, 0U) != extents.end()) {
    return 0;
  }
  for (const std::uint64_t extent : extents) {
    if (product > std::uint64_t{std::numeric_limits<std::int64_t>::max()} / extent) {
      throw Error(Errc::corrupt, "its extents have more elements than any file; it is damaged");
    }
    product *= extent;
  }
  return product;
}

// HDF5 writes as many elements as there are now, of the type that it is asked for.
void require_h5_shape(const Identifier& dataset, const H5Dataset& expected) {
  const Identifier space(H5Dget_space(dataset.get()), H5Sclose, h5_reading_dataset);
  const int rank = H5Sget_simple_extent_ndims(space.get());
  std::array<hsize_t, H5S_MAX_RANK> extents{};
  const bool is_same =
      H5Sget_simple_extent_type(space.get()) != H5S_NULL && rank >= 0 && rank <= H5S_MAX_RANK &&
      H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr) >= 0 &&
      std::ranges::equal(std::span(extents).first(static_cast<std::size_t>(rank)), expected.extents);
  if (!is_same) {
    throw Error(Errc::corrupt, "the structure of the file leads from one name to several datasets");
  }
}

}  // namespace locum::storage
