package local

// Kill gives the runtime up the way a crash does: nothing is parked, nothing is journaled any more.
func (rt *Runtime) Kill() {
	rt.abandon()
	rt.running.Wait()
}
