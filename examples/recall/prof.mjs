import { createWasmBackend } from "@dlrt/backend-wasm";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { createModel } from "./model.mjs";
import { TASK, batchOf, randomFrom, tokensOf } from "./recall.mjs";
await tf.setBackend("wasm");
const backend = await createWasmBackend({threads:1});
const model = createModel({ mixer: process.argv[2]??"delta rule", backend, task: TASK });
const {tokens,answers}=batchOf(randomFrom(1),TASK,32);
const t=tf.tensor2d(tokens,[32,tokensOf(TASK)],"int32"), a=tf.tensor2d(answers,[32,8],"int32");
const opt=tf.train.adam(1e-3); const vars=Object.values(model.weights);
const cpu=()=>{const u=process.cpuUsage();return (u.user+u.system)/1000};
const run=(n,f)=>{f();f();let best=1e9;const c=cpu();for(let i=0;i<n;i++){const s=performance.now();f();best=Math.min(best,performance.now()-s)}return `${best.toFixed(1)} ms best wall, ${((cpu()-c)/n).toFixed(1)} cpu`};
console.log("step",run(15,()=>opt.minimize(()=>model.loss(t,a),false,vars)));
console.log("fwd",run(15,()=>tf.tidy(()=>{model.loss(t,a)})));
const g=tf.variableGrads(()=>model.loss(t,a),vars);
console.log("apply",run(10,()=>opt.applyGradients(g.grads)));
// per-kernel
const times={};
for (const k of tf.getKernelsForBackend("wasm")) { tf.unregisterKernel(k.kernelName,"wasm"); tf.registerKernel({...k,kernelFunc:(c)=>{const s=performance.now();const r=k.kernelFunc(c);(times[k.kernelName]??=[0,0])[0]+=performance.now()-s;times[k.kernelName][1]++;return r}}) }
const s=performance.now();for(let i=0;i<5;i++)opt.minimize(()=>model.loss(t,a),false,vars);
console.log("total",(performance.now()-s)/5);
console.log(Object.entries(times).sort((a,b)=>b[1][0]-a[1][0]).slice(0,12).map(([n,[t,c]])=>`${n} ${(t/5).toFixed(1)}ms x${c/5}`).join("\n"));
