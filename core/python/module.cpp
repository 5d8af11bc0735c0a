// The module locum._native: the C interface of the library in Python. The package locum is what programs use.
#include <pybind11/pybind11.h>

#include <locum/locum.h>

#include "core/python/array.hpp"
#include "core/python/callbacks.hpp"
#include "core/python/copied_bytes.hpp"
#include "core/python/element_types.hpp"
#include "core/python/error.hpp"
#include "core/python/experiments.hpp"
#include "core/python/files.hpp"
#include "core/python/futures.hpp"
#include "core/python/key.hpp"
#include "core/python/one_library.hpp"
#include "core/python/output_step.hpp"
#include "core/python/own_backends.hpp"
#include "core/python/own_formats.hpp"
#include "core/python/record_reader.hpp"
#include "core/python/session.hpp"
#include "core/python/shards.hpp"
#include "core/python/stand_ins.hpp"
#include "core/python/steps.hpp"
#include "core/python/store.hpp"
#include "core/python/tasks.hpp"
#include "core/python/writer.hpp"
#include "core/python/zarr.hpp"
#include "core/python/zarr_group.hpp"

PYBIND11_MODULE(_native, module) {
  using namespace locum::python;
  require_one_library();
  locum_handles_are_collected();
  define_errors(module);
  define_element_types(module);
  define_record_reader(module);
  define_key(module);
  define_encoded(module);
  define_copied_bytes(module);
  define_writer(module);
  define_callbacks(module);
  define_futures(module);
  define_stand_ins(module);
  define_store(module);
  define_tasks(module);
  define_files(module);
  define_zarr(module);
  define_zarr_groups(module);
  define_experiments(module);
  define_shards(module);
  define_own_formats(module);
  define_own_backends(module);
  define_session(module);
  define_output_step(module);
  define_steps(module);
  module.attr("version") = locum_version();
}
