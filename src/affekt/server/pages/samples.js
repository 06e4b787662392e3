// Collects the samples of a microphone, and posts them as 16 bits, ten times a second.
class Samples extends AudioWorkletProcessor {
  constructor() {
    super();
    this.samples = new Int16Array(Math.round(sampleRate / 10));
    this.count = 0;
  }

  process([channels]) {
    const samples = channels[0] ?? [];
    for (const value of samples) {
      this.samples[this.count++] = Math.max(-32768, Math.min(32767, Math.round(value * 32768)));
      if (this.count === this.samples.length) {
        this.port.postMessage(this.samples.slice().buffer);
        this.count = 0;
      }
    }
    return true;
  }
}

registerProcessor("samples", Samples);
