// Groups of Zarr, for the C interface.
#include "transport/storage/zarr/zarr_group.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/c/errors.hpp"
#include "core/c/names.hpp"
#include "core/c/objects.hpp"
#include "core/c/unreleased.hpp"
#include "core/c/views.hpp"
#include "transport/storage/c/zarr_layouts.hpp"
#include "transport/storage/files/files.hpp"

using namespace locum;
using namespace locum::c;

namespace {

std::string_view backend_of_group(const locum_zarr_group_options* options) {
  require_known(options);
  return options == nullptr || options->backend == nullptr ? std::string_view()
                                                           : std::string_view(options->backend);
}

/// Returns the attributes of a new group, which may be NULL.
Result<Record> attributes_of_group(const locum_array* given) {
  if (given == nullptr) {
    return Record::members({});
  }
  auto read = kept_zarr_attributes(*given);
  return read ? std::move(read) : read.error().about("the attributes");
}

locum_status give_zarr_group(Result<ZarrGroup>&& opened, locum_zarr_group* group) {
  if (!opened) {
    return failed(opened.error());
  }
  name_unreleased_at_exit();
  return give(zarr_groups(), std::make_shared<const ZarrGroup>(*std::move(opened)), group);
}

template <class Body>
locum_status on_zarr_group(locum_zarr_group group, Body body) noexcept {
  return on(zarr_groups(), group, "group of Zarr",
            [&](const std::shared_ptr<const ZarrGroup>& open) { return body(*open); });
}

/// Calls `call` with the group of a call that gives a handle of what is below it.
template <class Handle, class Call>
locum_status on_zarr_name(locum_zarr_group group, const char* name, Handle* below, Call call) noexcept {
  clear(below);
  return on_zarr_group(group, [&](const ZarrGroup& open) {
    return name == nullptr || below == nullptr ? is_null(name == nullptr ? "name" : "handle") : call(open);
  });
}

/// Calls `call` with the files of a call that gives a group.
template <class Call>
locum_status on_files_of_group(locum_files handle, const char* path, locum_zarr_group* group,
                               Call call) noexcept {
  clear(group);
  return on(files(), handle, "handle of files", [&](const std::shared_ptr<const Files>& open) {
    return path == nullptr || group == nullptr ? is_null(path == nullptr ? "path" : "group") : call(*open);
  });
}

}  // namespace

locum_status locum_zarr_group_open(locum_files files, const char* path,
                                   const locum_zarr_group_options* options, locum_zarr_group* group) {
  return on_files_of_group(files, path, group, [&](const Files& open) {
    return give_zarr_group(ZarrGroup::open(open, path,
                                           {.consolidated = options != nullptr && options->consolidated != 0,
                                            .backend = backend_of_group(options)}),
                           group);
  });
}

locum_status locum_zarr_group_create(locum_files files, const char* path, const locum_array* attributes,
                                     std::int32_t version, const locum_zarr_group_options* options,
                                     locum_zarr_group* group) {
  return on_files_of_group(files, path, group, [&](const Files& open) {
    const auto given = attributes_of_group(attributes);
    if (!given) {
      return failed(given.error());
    }
    return give_zarr_group(ZarrGroup::create(open, path,
                                             {.attributes = *given,
                                              .version = version == 0 ? 3 : version,
                                              .backend = backend_of_group(options)}),
                           group);
  });
}

locum_status locum_zarr_group_close(locum_zarr_group* group) {
  return release(zarr_groups(), group, "group of Zarr");
}

locum_status locum_zarr_group_info(locum_zarr_group group, std::int32_t* version, bool* is_consolidated) {
  clear(version);
  clear(is_consolidated);
  return on_zarr_group(group, [&](const ZarrGroup& open) {
    if (version != nullptr) {
      *version = open.version();
    }
    if (is_consolidated != nullptr) {
      *is_consolidated = open.is_consolidated();
    }
    return LOCUM_OK;
  });
}

locum_status locum_zarr_group_attributes(locum_zarr_group group, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return on_zarr_group(group, [&](const ZarrGroup& open) {
    return view == nullptr ? is_null("view") : give_zarr_attributes(open.attributes(), *view);
  });
}

locum_status locum_zarr_group_set_attributes(locum_zarr_group group, const locum_array* attributes) {
  return on_zarr_group(group, [&](const ZarrGroup& open) {
    if (attributes == nullptr) {
      return is_null("attributes");
    }
    const auto given = kept_zarr_attributes(*attributes);
    return given ? status_of(open.set_attributes(*given)) : failed(given.error());
  });
}

locum_status locum_zarr_group_list(locum_zarr_group group, locum_names* arrays, locum_names* groups) {
  clear(arrays);
  clear(groups);
  return on_zarr_group(group, [&](const ZarrGroup& open) {
    const auto members = open.list();
    if (!members) {
      return failed(members.error());
    }
    for (const auto& [kind, names] :
         {std::pair{ZarrMember::Kind::array, arrays}, std::pair{ZarrMember::Kind::group, groups}}) {
      if (names == nullptr) {
        continue;
      }
      std::vector<std::string> all;
      for (const ZarrMember& member : *members) {
        if (member.kind == kind) {
          all.push_back(member.name);
        }
      }
      if (const locum_status given = give_names(std::move(all), *names); given != LOCUM_OK) {
        return given;
      }
    }
    return LOCUM_OK;
  });
}

locum_status locum_zarr_group_exists(locum_zarr_group group, const char* name, bool* exists) {
  clear(exists);
  return on_zarr_group(group, [&](const ZarrGroup& open) {
    if (name == nullptr || exists == nullptr) {
      return is_null(name == nullptr ? "name" : "exists");
    }
    const auto found = open.exists(name);
    *exists = found && *found;
    return status_of(found);
  });
}

locum_status locum_zarr_group_array(locum_zarr_group group, const char* name, locum_zarr* array) {
  return on_zarr_name(group, name, array,
                      [&](const ZarrGroup& open) { return give_zarr(open.array(name), array); });
}

locum_status locum_zarr_group_group(locum_zarr_group group, const char* name, locum_zarr_group* below) {
  return on_zarr_name(group, name, below,
                      [&](const ZarrGroup& open) { return give_zarr_group(open.group(name), below); });
}

locum_status locum_zarr_group_create_array(locum_zarr_group group, const char* name,
                                           const locum_zarr_layout* layout, locum_zarr* array) {
  return on_zarr_name(group, name, array, [&](const ZarrGroup& open) {
    if (layout == nullptr) {
      return is_null("layout");
    }
    const auto how = zarr_layout(*layout);
    return how ? give_zarr(open.create_array(name, *how), array) : failed(how.error().about(name));
  });
}

locum_status locum_zarr_group_create_group(locum_zarr_group group, const char* name,
                                           const locum_array* attributes, locum_zarr_group* below) {
  return on_zarr_name(group, name, below, [&](const ZarrGroup& open) {
    const auto given = attributes_of_group(attributes);
    return given ? give_zarr_group(open.create_group(name, *given), below) : failed(given.error());
  });
}

locum_status locum_zarr_group_consolidate(locum_zarr_group group) {
  return on_zarr_group(group, [&](const ZarrGroup& open) { return status_of(open.consolidate()); });
}
