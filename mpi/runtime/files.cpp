#include "mpi/runtime/files.hpp"

#include <memory>
#include <string>

#include "core/detail/session_state.hpp"
#include "core/lazy/file_parts.hpp"
#include "core/store.hpp"
#include "core/value/errors.hpp"
#include "mpi/runtime/runtime.hpp"
#include "mpi/runtime/state.hpp"
#if LOCUM_WITH_HDF5
#include "transport/storage/hdf5/checkpoint_files.hpp"
#include "transport/storage/hdf5/dataset_part.hpp"
#include "transport/storage/hdf5/step_files.hpp"
#endif

namespace locum {

#if LOCUM_WITH_HDF5

void use_hdf5(Session& session, std::uint32_t ranks) {
  session.state()->files().use(std::make_shared<storage::DatasetReader>(),
                               std::make_shared<storage::Hdf5StepFiles>(), ranks);
}

std::shared_ptr<CheckpointFiles> open_checkpoint_files() {
  return storage::open_checkpoint_files();
}

Result<Handle> Runtime::handle_from_hdf5(std::string_view path, std::string_view dataset,
                                         std::string_view element, const Hdf5Options& options) {
  require_open("proxy_from_hdf5");
  try {
    const FilePart part = storage::find_part(std::string(path), std::string(dataset), options.slab, element);
    const auto store = session_->open(options.store);
    if (!store) {
      return store.error();
    }
    detail::SessionState& session = *session_->state();
    return session.files().add(session, store->number(), part, options.deadline);
  } catch (const Error& error) {
    return error;
  }
}

#else

void use_hdf5(Session& /*session*/, std::uint32_t /*ranks*/) {}

std::shared_ptr<CheckpointFiles> open_checkpoint_files() {
  return nullptr;
}

Result<Handle> Runtime::handle_from_hdf5(std::string_view /*path*/, std::string_view /*dataset*/,
                                         std::string_view /*element*/, const Hdf5Options& /*options*/) {
  return no_hdf5("read its files");
}

#endif

}  // namespace locum
