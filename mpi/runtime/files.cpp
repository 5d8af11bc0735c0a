#include "mpi/runtime/files.hpp"

#include <memory>
#include <string>
#include <utility>

#include "core/detail/session_state.hpp"
#include "core/lazy/file_parts.hpp"
#include "core/raw_proxy.hpp"
#include "core/store.hpp"
#include "core/value/errors.hpp"
#include "mpi/runtime/runtime.hpp"
#include "mpi/runtime/state.hpp"
#include "transport/storage/files/files.hpp"
#include "transport/storage/step_files_by_ending.hpp"
#if LOCUM_WITH_HDF5
#include "transport/storage/hdf5/checkpoint_files.hpp"
#include "transport/storage/hdf5/dataset_part.hpp"
#include "transport/storage/hdf5/step_files.hpp"
#endif

namespace locum {

void use_files(Session& session, std::uint32_t ranks) {
  std::shared_ptr<FileReader> reader;
  std::shared_ptr<detail::StepFiles> steps;
#if LOCUM_WITH_HDF5
  reader = std::make_shared<storage::DatasetReader>();
  steps = std::make_shared<storage::Hdf5StepFiles>();
#endif
  session.state()->files().use(std::make_shared<storage::PartReaderByEnding>(std::move(reader)),
                               std::make_shared<storage::StepFilesByEnding>(std::move(steps)), ranks);
}

#if LOCUM_WITH_HDF5

std::shared_ptr<CheckpointFiles> open_checkpoint_files() {
  return storage::open_checkpoint_files();
}

Result<Runtime::StoredPart> Runtime::part_of_hdf5(std::string_view path, std::string_view dataset,
                                                  std::string_view element, const Hdf5Options& options) {
  const Session session = this->session("proxy_from_hdf5");
  try {
    const FilePart part = storage::find_part(std::string(path), std::string(dataset), options.slab, element);
    const auto store = session.open(options.store);
    if (!store) {
      return store.error();
    }
    detail::SessionState& state = *session.state();
    const auto handle = state.files().add(state, store->number(), part, options.deadline);
    return handle ? Result<StoredPart>(StoredPart{session, *handle}) : handle.error();
  } catch (const Error& error) {
    return error;
  }
}

#else

std::shared_ptr<CheckpointFiles> open_checkpoint_files() {
  return nullptr;
}

Result<Runtime::StoredPart> Runtime::part_of_hdf5(std::string_view /*path*/, std::string_view /*dataset*/,
                                                  std::string_view /*element*/,
                                                  const Hdf5Options& /*options*/) {
  return no_hdf5("read its files");
}

#endif

Result<RawProxy> Runtime::raw_proxy_from_hdf5(std::string_view path, std::string_view dataset,
                                              std::string_view element, const Hdf5Options& options) {
  const auto part = part_of_hdf5(path, dataset, element, options);
  return part ? Result<RawProxy>(part->session.raw_proxy(part->handle)) : part.error();
}

Files Runtime::files(std::string_view url) const {
  return files(url, {});
}

Files Runtime::files(std::string_view url, const FilesOptions& options) const {
  return {session("files"), url, options};
}

}  // namespace locum
