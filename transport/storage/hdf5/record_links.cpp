#include "transport/storage/hdf5/record_links.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/value/error.hpp"
#include "transport/storage/hdf5/dataset_path.hpp"
#include "transport/storage/hdf5/early_dataset.hpp"
#include "transport/storage/hdf5/record_dataset.hpp"

namespace locum::storage {

namespace {

using LinkKind = LinkedObject::Kind;

constexpr std::size_t links_between_looks = 256;

// One group, whatever slashes the name has.
std::string group_of_space(std::string_view space) {
  std::string name;
  for (const char one : dataset_path(space).substr(1)) {
    one == '/' ? name += "%2F" : name += one;
  }
  return name;
}

std::vector<std::string> links_to(const RecordKey& key) {
  std::vector<std::string> links{group_of_space(key.space)};
  const std::string path = dataset_path(key.name);
  for (std::size_t begin = 1; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    links.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return links;
}

std::string beside(const std::string& link) {
  return link + std::string(beside_a_group);
}

Identifier root_of(const Identifier& file) {
  return {H5Gopen2(file.get(), "/", H5P_DEFAULT), H5Gclose, "opening the first group of a file"};
}

Error in_the_way(const std::string& link) {
  return Error(Errc::type_mismatch, "'" + link +
                                        "' in the HDF5 file was made by another program, and is where this "
                                        "record belongs: rename it there, or put the object under another "
                                        "name");
}

// The record of the name `T`, where `T/1` is to be stored.
void move_beside(const Identifier& group, const std::string& link, LinkedObject there) {
  const std::string what = "renaming the dataset '" + link + "'";
  if (!is_record(there.object)) {
    throw in_the_way(link);
  }
  there.object.close(what);
  check(H5Lmove(group.get(), link.c_str(), group.get(), beside(link).c_str(), H5P_DEFAULT, H5P_DEFAULT),
        what);
}

Identifier entered(const Identifier& group, const std::string& link, const Identifier& properties) {
  LinkedObject there = look_at_link(group, link);
  switch (there.kind) {
    case LinkKind::group:
      return std::move(there.object);
    case LinkKind::other:
      throw in_the_way(link);
    case LinkKind::dataset:
      move_beside(group, link, std::move(there));
      break;
    case LinkKind::nothing:
      break;
  }
  return {H5Gcreate2(group.get(), link.c_str(), properties.get(), H5P_DEFAULT, H5P_DEFAULT), H5Gclose,
          "making the group '" + link + "'"};
}

struct Listing {
  std::string_view prefix;
  Deadline deadline;
  std::vector<std::string> names;
  std::size_t looked_at = 0;
  std::optional<Error> error;
};

// HDF5 calls it for each link below the group, the name being the path from there.
herr_t add_name(hid_t group, const char* path, const H5L_info_t* info, void* to) noexcept {
  Listing& listing = *static_cast<Listing*>(to);
  if (++listing.looked_at % links_between_looks == 0) {
    if (auto time = still_time(listing.deadline); !time) {
      listing.error = time.error();
      return 1;
    }
  }
  if (info->type != H5L_TYPE_HARD) {
    return 0;
  }
  auto name = name_of_dataset('/' + std::string(path));
  if (name && name->starts_with(listing.prefix) &&
      H5Aexists_by_name(group, path, record_attribute, H5P_DEFAULT) > 0) {
    listing.names.push_back(std::move(*name));
  }
  return 0;
}

}  // namespace

LinkedObject look_at_link(const Identifier& group, const std::string& name) {
  const auto readable = [&](long long status) {
    if (status < 0) {
      throw Error(Errc::corrupt,
                  "HDF5 cannot read '" + name + "' in the file: it is damaged; take a copy of it");
    }
    return status;
  };
  LinkedObject found;
  if (readable(H5Lexists(group.get(), name.c_str(), H5P_DEFAULT)) == 0) {
    return found;
  }
  H5L_info_t info{};
  readable(H5Lget_info(group.get(), name.c_str(), &info, H5P_DEFAULT));
  found.kind = LinkKind::other;
  if (info.type != H5L_TYPE_HARD) {
    return found;
  }
  Identifier object(readable(H5Oopen(group.get(), name.c_str(), H5P_DEFAULT)), H5Oclose, "opening an object");
  const H5I_type_t type = H5Iget_type(object.get());
  if (type == H5I_GROUP || type == H5I_DATASET) {
    found.kind = type == H5I_GROUP ? LinkKind::group : LinkKind::dataset;
    found.object = std::move(object);
  }
  return found;
}

RecordPlace find_record(const Identifier& file, const RecordKey& key) {
  RecordPlace place;
  place.links = links_to(key);
  place.groups.push_back(root_of(file));
  for (std::size_t at = 0; at + 1 < place.links.size(); ++at) {
    LinkedObject next = look_at_link(place.groups.back(), place.links[at]);
    if (next.kind != LinkKind::group) {
      return place;
    }
    place.groups.push_back(std::move(next.object));
  }
  std::string& own = place.links.back();
  for (const std::string& link : {own, beside(own)}) {
    LinkedObject there = look_at_link(place.groups.back(), link);
    if (there.kind == LinkKind::dataset) {
      own = link;
      place.dataset = std::move(there.object);
      return place;
    }
  }
  return place;
}

void link_record(const Identifier& file, const RecordKey& key, const std::string& from) {
  const std::vector<std::string> links = links_to(key);
  const Identifier properties = link_properties("making a link");
  Identifier group = root_of(file);
  for (std::size_t at = 0; at + 1 < links.size(); ++at) {
    group = entered(group, links[at], properties);
  }
  std::string own = links.back();
  const std::string other = beside(own);
  LinkedObject there = look_at_link(group, own);
  if (there.kind != LinkKind::dataset) {
    LinkedObject aside = look_at_link(group, other);
    if (there.kind == LinkKind::group || aside.kind != LinkKind::nothing) {
      own = other;
      there = std::move(aside);
    }
  }
  const std::string what = "naming the dataset '" + own + "'";
  if (there.kind != LinkKind::nothing) {
    if (there.kind != LinkKind::dataset || !is_record(there.object)) {
      throw in_the_way(own);
    }
    there.object.close(what);
    check(H5Ldelete(group.get(), own.c_str(), H5P_DEFAULT), what);
  }
  check(H5Lmove(file.get(), from.c_str(), group.get(), own.c_str(), properties.get(), H5P_DEFAULT), what);
}

void unlink_record(RecordPlace place) {
  const std::string what = "removing the dataset '" + place.links.back() + "'";
  place.dataset.close(what);
  for (std::size_t at = place.links.size(); at-- > 0;) {
    check(H5Ldelete(place.groups[at].get(), place.links[at].c_str(), H5P_DEFAULT), what);
    H5G_info_t left{};
    check(H5Gget_info(place.groups[at].get(), &left), what);
    if (left.nlinks > 0) {
      return;
    }
    place.groups[at].close(what);
  }
}

std::vector<std::string> names_of_records(const Identifier& file, std::string_view space,
                                          std::string_view prefix, Deadline deadline) {
  Listing listing{prefix, deadline, {}, 0, {}};
  const LinkedObject group = look_at_link(root_of(file), group_of_space(space));
  if (group.kind != LinkKind::group) {
    return {};
  }
  const herr_t status = H5Lvisit(group.object.get(), H5_INDEX_NAME, H5_ITER_NATIVE, add_name, &listing);
  if (listing.error) {
    throw *listing.error;
  }
  check(status, "listing the records in an HDF5 file");
  return std::move(listing.names);
}

}  // namespace locum::storage
