// Files in formats, and stand-ins for parts of HDF5 files.
#include <memory>
#include <string>
#include <utility>

#include <locum/files.hpp>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/checkpoint_options.hpp"
#include "core/raw_proxy.hpp"
#include "mpi/c/runtimes.hpp"

using namespace locum;
using namespace locum::c;

locum_status locum_proxy_of_hdf5(locum_runtime runtime, const char* path, const char* dataset, int32_t type,
                                 const locum_hdf5_options* options, locum_proxy* proxy) {
  clear(proxy);
  return on_runtime(runtime, [&](Runtime& open) {
    if (path == nullptr || dataset == nullptr || proxy == nullptr) {
      return is_null(path == nullptr ? "path" : dataset == nullptr ? "dataset" : "proxy");
    }
    std::string element;
    if (type != LOCUM_NO_TYPE) {
      locum_array of_type{};
      of_type.type = type;
      const auto named = element_of(of_type);
      if (!named) {
        return failed(named.error());
      }
      element = named->name();
    }
    Hdf5Options how;
    require_known(options);
    if (options != nullptr) {
      const auto slab = slab_of(options->box);
      if (!slab) {
        return failed(slab.error());
      }
      how.slab = *slab;
      how.deadline = limit_of(options->deadline_s);
      if (options->store != nullptr) {
        how.store = options->store;
      }
    }
    auto made = open.raw_proxy_from_hdf5(path, dataset, element, how);
    return made ? give(proxies(), *std::move(made), proxy) : failed(made.error());
  });
}

locum_status locum_files_of(locum_runtime runtime, const char* url, locum_files* files) {
  return locum_files_of_with(runtime, url, nullptr, files);
}

locum_status locum_files_of_with(locum_runtime runtime, const char* url, const locum_files_options* options,
                                 locum_files* files) {
  clear(files);
  return on_runtime(runtime, [&](Runtime& open) {
    if (url == nullptr || files == nullptr) {
      return is_null(url == nullptr ? "url" : "files");
    }
    return give(locum::c::files(), std::make_shared<const Files>(open.files(url, files_options(options))),
                files);
  });
}
