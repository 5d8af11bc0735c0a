// Steps that this process writes.
#include <string>
#include <string_view>
#include <utility>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/objects.hpp"
#include "core/c/views.hpp"

using namespace locum;
using namespace locum::c;

namespace {

[[nodiscard]] Result<StepWriterOptions> writer_options(const locum_step_writer_options* options) {
  StepWriterOptions how;
  require_known(options);
  if (options == nullptr) {
    return how;
  }
  if (options->queue_steps != 0) {
    how.queue_steps = options->queue_steps;
  }
  how.queue_bytes = options->queue_bytes;
  switch (options->when_full) {
    case LOCUM_WAIT:
      how.when_full = WhenFull::wait;
      break;
    case LOCUM_FAIL:
      how.when_full = WhenFull::fail;
      break;
    case LOCUM_DROP_OLDEST:
      how.when_full = WhenFull::drop_oldest;
      break;
    case LOCUM_DROP_NEWEST:
      how.when_full = WhenFull::drop_newest;
      break;
    default:
      return Error(Errc::invalid_argument,
                   "when_full is none of LOCUM_WAIT, LOCUM_FAIL, LOCUM_DROP_OLDEST, LOCUM_DROP_NEWEST");
  }
  how.rendezvous_readers = options->rendezvous_readers;
  how.file = options->file == nullptr ? "" : options->file;
  return how;
}

// Returns where an array of these extents is.
[[nodiscard]] Result<GlobalBlock> global_block(const locum_block* block, const Extents& count) {
  GlobalBlock global{.count = count};
  if (block == nullptr || block->rank == 0) {
    return global;
  }
  locum_array shape = {};
  shape.rank = block->rank;
  locum_array start = shape;
  for (std::int32_t at = 0; at < block->rank && at < LOCUM_MAX_RANK; ++at) {
    if (block->start[at] < 0) {
      return Error(Errc::invalid_argument,
                   "a start of this block is negative: " + std::to_string(block->start[at]) +
                       "; give a number from 0 on");
    }
    shape.extents[at] = block->shape[at];
    start.extents[at] = block->start[at];
  }
  const auto extents = extents_of(shape);
  const auto indices = extents_of(start);
  if (!extents || !indices) {
    return (extents ? indices : extents).error();
  }
  global.shape = *extents;
  global.start = *indices;
  return global;
}

// Returns the error of a call that refuses what the program wanted to write, without which the step must not
// be published.
locum_status refused(OutputStep& begun, const char* name, const Error& error) {
  return failed(begun.fail(name == nullptr ? "" : name, error).error());
}

}  // namespace

locum_status locum_ranks_release(locum_ranks* ranks) {
  return release(sides(), ranks, "ranks");
}

locum_status locum_step_writer_open(locum_ranks ranks, const char* stream,
                                    const locum_step_writer_options* options, locum_step_writer* writer) {
  clear(writer);
  return on(sides(), ranks, "ranks", [&](StepSide& side) {
    if (stream == nullptr || writer == nullptr) {
      return is_null(stream == nullptr ? "stream" : "writer");
    }
    const auto how = writer_options(options);
    return how ? give(step_writers(), StepWriter(side, stream, *how), writer) : failed(how.error());
  });
}

locum_status locum_step_begin(locum_step_writer writer, double deadline_s, locum_output_step* step) {
  clear(step);
  return alone_on(step_writers(), writer, "step writer", [&](StepWriter& opened) {
    if (step == nullptr) {
      return is_null("step");
    }
    auto begun = opened.begin(within(deadline_s));
    return begun ? give(output_steps(), *std::move(begun), step) : failed(begun.error());
  });
}

locum_status locum_step_writer_close(locum_step_writer* writer, double deadline_s) {
  return on_last(step_writers(), writer, "step writer",
                 [&](StepWriter& opened) { return status_of(opened.close(within(deadline_s))); });
}

locum_status locum_step_writer_abandon(locum_step_writer* writer) {
  return on_last(step_writers(), writer, "step writer", [](StepWriter& opened) {
    opened.abandon();
    return LOCUM_OK;
  });
}

locum_status locum_step_put(locum_output_step step, const char* name, const locum_array* array,
                            const locum_block* block, double deadline_s) {
  return alone_on(output_steps(), step, "step", [&](OutputStep& begun) {
    if (name == nullptr || array == nullptr) {
      return refused(begun, name, null_argument(name == nullptr ? "name" : "array"));
    }
    const auto memory = elements_of(*array);
    if (!memory) {
      return refused(begun, name, memory.error());
    }
    const auto place = global_block(block, memory->extents());
    return place ? status_of<void>(begun.put_encoded(name, *memory, *place, within(deadline_s)))
                 : refused(begun, name, place.error());
  });
}

locum_status locum_step_create(locum_output_step step, const char* name, locum_array* array,
                               const locum_block* block, double deadline_s) {
  return alone_on(output_steps(), step, "step", [&](OutputStep& begun) {
    if (name == nullptr || array == nullptr) {
      return refused(begun, name, null_argument(name == nullptr ? "name" : "array"));
    }
    array->data = nullptr;
    const auto extents = extents_of(*array);
    const auto element = element_of(*array);
    if (!extents || !element) {
      return refused(begun, name, extents ? element.error() : extents.error());
    }
    const auto place = global_block(block, *extents);
    if (!place) {
      return refused(begun, name, place.error());
    }
    const auto made = begun.create(name, *element, *place, within(deadline_s));
    if (!made) {
      return failed(made.error());
    }
    array->data = made->data();
    set_strides(*array, element->bytes());
    return LOCUM_OK;
  });
}

locum_status locum_step_keep(locum_output_step step, const void* data, double deadline_s, locum_view* view) {
  if (view == nullptr) {
    return is_null("view");
  }
  empty(*view);
  return alone_on(output_steps(), step, "step", [&](OutputStep& begun) {
    return data == nullptr
               ? is_null("data")
               : give_view(begun.keep(static_cast<const std::byte*>(data), within(deadline_s)), *view);
  });
}

locum_status locum_step_fail(locum_output_step step, const char* name, int status, const char* text) {
  return alone_on(output_steps(), step, "step", [&](OutputStep& begun) {
    if (name == nullptr || text == nullptr) {
      return is_null(name == nullptr ? "name" : "text");
    }
    (void)begun.fail(name, of_program(status, text));
    return LOCUM_OK;
  });
}

locum_status locum_step_end(locum_output_step* step, double deadline_s) {
  return on_last(output_steps(), step, "step",
                 [&](OutputStep& begun) { return status_of<void>(begun.end(within(deadline_s))); });
}

locum_status locum_step_discard(locum_output_step* step) {
  return on_last(output_steps(), step, "step", [](OutputStep& begun) {
    begun.discard();
    return LOCUM_OK;
  });
}
