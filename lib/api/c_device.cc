/// @file
/// synfin.h: runtimes with a device.

#include <memory>

#include "api/c_handles.hh"
#include "synfin/runtime.hh"

namespace synfin::c {

namespace {

/// The runner's work for a program in C: it passes the events of each turn to the program.
class EventWork {
  public:
    using Handle = void (*)(void* context, synfin_stack* stack, const synfin_event* events, int count);

    EventWork(synfin_runtime& runtime, Handle handle, void* context, Duration drain)
        : runtime_(runtime),
          handle_(handle),
          context_(context),
          drain_(drain),
          ends_(runtime.stacks.size()) {}

    bool turn(unsigned index, Stack& stack, Instant now) {
        synfin_stack& s = *runtime_.stacks[index];
        End& end = ends_[index];
        if (runtime_.stop.load(std::memory_order_relaxed)) s.drain.begin(stack, now, drain_);
        const Polled polled = poll(s, now, end.events);
        if (polled.events != 0) handle_(context_, &s, end.events.data(), polled.events);
        return polled.is_busy;
    }
    bool is_over(unsigned index) const noexcept { return runtime_.stacks[index]->drain.is_over(); }
    BusyCycles& cycles(unsigned index) noexcept { return ends_[index].cycles; }

  private:
    struct alignas(64) End {
        BusyCycles cycles;
        std::array<synfin_event, 64> events{};
    };
    synfin_runtime& runtime_;
    const Handle handle_;
    void* const context_;
    const Duration drain_;
    std::vector<End> ends_;
};

class DeviceRuntime final : public synfin_runtime {
  public:
    explicit DeviceRuntime(std::unique_ptr<Runtime> runtime) : runtime_(std::move(runtime)) {
        for (unsigned i = 0; i < runtime_->stacks(); ++i) {
            stacks.push_back(std::make_unique<synfin_stack>(*this, runtime_->stack(i), i));
            Idle& idle = idles_.emplace_back(runtime_->idle_policy());
            if (!idle.sleeps()) continue;
            if (const auto fd = runtime_->stack(i).wake_fd()) idle.wake_on(*fd);
        }
    }

    ~DeviceRuntime() override {
        for (const auto& s : stacks) close_turn(*s);
    }
    Instant now() const noexcept override { return runtime_->now(); }
    void idle(unsigned index, bool busy) noexcept override { idles_[index].turn(busy); }
    int run(void (*body)(void*, synfin_stack* const*, unsigned, unsigned), void* context) override {
        const auto ran = runtime_->run([&](std::span<const unsigned> indices, unsigned core) {
            std::vector<synfin_stack*> own;
            for (const unsigned i : indices) own.push_back(stacks[i].get());
            body(context, own.data(), static_cast<unsigned>(own.size()), core);
            for (synfin_stack* s : own) close_turn(*s);
        });
        return code_of(ran.error());
    }
    int serve(EventWork::Handle handle, void* context) override {
        EventWork work(*this, handle, context, runtime_->drain());
        const auto ran = Runner(*runtime_, work).run();
        for (const auto& s : stacks) {
            close_turn(*s);
            s->drain = {};
        }
        stop.store(false, std::memory_order_relaxed);
        return code_of(ran.error());
    }
    const char* warning(unsigned index) const noexcept override {
        const auto all = runtime_->warnings();
        return index < all.size() ? all[index].c_str() : nullptr;
    }

  private:
    /// Ends an open turn, because the runtime drains the stack next, in its own turns.
    static void close_turn(synfin_stack& s) noexcept {
        if (!s.is_turn_open) return;
        s.shown_count = 0;
        NoApplication nobody;
        while (const Event* event = s.stack->next_event()) s.stack->dispatch(nobody, *event);
        s.stack->end();
        s.is_turn_open = false;
    }

    std::unique_ptr<Runtime> runtime_;
    std::vector<Idle> idles_;
};

}  // namespace

}  // namespace synfin::c

using namespace synfin;

int synfin_open(const synfin_config* config, synfin_runtime** out, char* why, size_t why_size) {
    const c::Why told(why, why_size);
    if (out == nullptr)
        return told.refuse(SYNFIN_E_INVALID, "out is null: give the address of a runtime pointer");
    *out = nullptr;
    const auto known = c::complete(config);
    if (!known)
        return told.refuse(SYNFIN_E_INVALID,
                           "the configuration has no size; initialise it with SYNFIN_CONFIG_INIT(&config)");
    if (known->device == nullptr)
        return told.refuse(SYNFIN_E_INVALID, "device is null: expected a name like \"af_packet:veth0\"");
    return c::guarded([&]() -> int {
        RuntimeConfig wanted;
        const auto cores = c::cores_of(known->cores);
        if (!cores) return told.refuse(SYNFIN_E_INVALID, "cores is not a list of CPU numbers; write \"2,3\"");
        if (const std::string complaint = c::stack_config(*known, wanted.stack); !complaint.empty())
            return told.refuse(SYNFIN_E_INVALID, complaint);
        wanted.device = known->device;
        wanted.cores = *cores;
        wanted.no_huge = known->no_huge != 0;
        wanted.no_offload = known->no_offload != 0;
        wanted.verbose = known->verbose;
        wanted.idle = static_cast<IdlePolicy>(known->idle);
        wanted.drain = Duration(known->drain);
        auto opened = Runtime::open(wanted);
        if (!opened) return told.refuse(c::code_of(opened.error().error), opened.error().why);
        *out = new c::DeviceRuntime(*std::move(opened));
        return SYNFIN_OK;
    });
}
